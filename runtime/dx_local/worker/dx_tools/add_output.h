/* dx-jobutil-add-output, done by the client itself. */

#ifndef ADD_OUTPUT_H
#define ADD_OUTPUT_H

/* Do what the program dx-jobutil-add-output of dxpy does with these arguments, if that is certain; return whether it
 * was done. If not, nothing has changed. The caller makes sure that dxpy's program is the one that this was written
 * for, and that it would run in a plain Python with UTF-8. */
int add_output(char **arguments);

#endif
