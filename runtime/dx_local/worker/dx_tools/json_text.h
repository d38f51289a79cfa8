/* JSON as json.dumps(value, indent=4) of Python writes it, for the values of which this is certain. */

#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <stddef.h>

/* Text that is written to memory; once it does not fit, `is_complete` stays 0. */
struct text {
    char *data;
    size_t size, room;
    int is_complete;
};

/* A change of an object: the JSON of a key, and of the value that it gets. */
struct change {
    struct text key, value;
    /* Whether the value becomes the last element of the key's array. */
    int is_array;
};

void put(struct text *text, const char *data, size_t size);
void put_string(struct text *text, const char *string);

/* These three return 1 if everything was written, and 0 if the JSON is outside of what this module knows. */
int put_quoted(struct text *text, const char *string);
int put_json(struct text *text, const char *json);
int put_changed(struct text *text, const char *json, size_t size, const struct change *change);

#endif
