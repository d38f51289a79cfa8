/* Start a program in namespaces and with files of its own, without a copy of the calling process.
 *
 * The child shares the memory of its parent (CLONE_VM), which waits until the child has become the program or has
 * ended (CLONE_VFORK). So the kernel copies no page tables, and no page is copied at the first write to it. Until
 * execve, the child must therefore neither allocate memory, nor take locks, nor run Python. Everything that it needs is
 * in one struct, which spawn.py fills. engine/environments/tool_client.py compiles this file.
 *
 * job_process.py does the same in a fork; a change in one belongs in the other.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436 /* on all architectures */
#endif

enum { STACK_SIZE = 64 << 10, MOST_FILES = 1024 };

struct namespace {
    int file, kind;
};

/* The fields of spawn.py's _Start, in the same order. */
struct start {
    const struct namespace *namespaces; /* to enter, in this order */
    int namespace_count;
    int out, err;
    int cgroup; /* an open `cgroup.procs`, or -1 */
    const char *folder;
    char *const *programs; /* paths, of which the first is taken that can be executed */
    char *const *arguments, *const *variables;
    /* Set by the child if it fails. */
    int error;
    const char *subject; /* the step that failed, or NULL */
};

static void reset_signals(void)
{
    struct sigaction action;
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
            action.sa_handler = SIG_DFL;
            action.sa_flags = 0;
            sigaction(number, &action, NULL);
        }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int fail(struct start *start, int error, const char *subject)
{
    start->error = error;
    start->subject = subject;
    return 127;
}

/* Execute the first program that can be executed. If there is none, fail as Python's os.execvp does. */
static int execute(struct start *start)
{
    int error = ENOENT;
    for (char *const *program = start->programs; *program; program++) {
        execve(*program, start->arguments, start->variables);
        if (error == ENOENT || error == ENOTDIR)
            error = errno;
    }
    return fail(start, error, start->arguments[0]);
}

static int become(void *data)
{
    struct start *start = data;
    int input;
    for (int index = 0; index < start->namespace_count; index++)
        if (setns(start->namespaces[index].file, start->namespaces[index].kind) != 0)
            return fail(start, errno, "setns");
    setsid();
    /* After the namespaces: the kernel forgets it if that changes the rights of the process. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    input = open("/dev/null", O_RDONLY);
    if (input < 0)
        return fail(start, errno, "/dev/null");
    if (dup2(input, 0) < 0 || dup2(start->out, 1) < 0 || dup2(start->err, 2) < 0)
        return fail(start, errno, NULL);
    if (start->cgroup >= 0 && write(start->cgroup, "0", 1) != 1)
        return fail(start, errno, NULL);
    if (syscall(SYS_close_range, 3, ~0U, 0) != 0)
        for (int file = 3; file < MOST_FILES; file++)
            close(file);
    if (chdir(start->folder) != 0)
        return fail(start, errno, start->folder);
    reset_signals();
    return execute(start);
}

/* Return the process ID of the program, or -1 with the reason in `error` and `subject`. */
int dx_spawn(struct start *start)
{
    static char stack[STACK_SIZE] __attribute__((aligned(16)));
    sigset_t all, before;
    int pid;
    /* A handler of the parent that ran in the child would change the memory of both. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    start->error = 0;
    start->subject = NULL;
    pid = clone(become, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
    if (pid < 0)
        start->error = errno;
    else if (start->error != 0) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}
