/* The client that a job finds as `dx` and `dx-*`: it has the tool server run the program of that name.
 *
 * It is in C because apps call these programs in loops, and the start of a bare Python would take longer than the rest
 * of a call. engine/environments/tool_client.py compiles it. On machines without a compiler, client.py does the same; a
 * change in one belongs in the other. server.py describes the protocol. Only this client does plain calls of
 * dx-jobutil-add-output itself (add_output.c).
 *
 * If a fork of the server could behave differently from the program, or there is no server, the client becomes the
 * program itself. This is possible until the server has sent its `+`; after that, the fork has run.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "add_output.h"

enum { MOST_FILES = 200, LARGEST_REQUEST = 16 << 20 };

static const int PASSED_ON[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
#define PASSED_ON_COUNT (sizeof PASSED_ON / sizeof *PASSED_ON)

extern char **environ;

static int server = -1;

/* The request: its length in four bytes, then fields that each end in a zero byte. */
struct request {
    char *data;
    size_t size, room;
};

static int begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static int add(struct request *request, const char *field)
{
    size_t size = strlen(field) + 1;
    if (request->size + size > request->room) {
        size_t room = 2 * (request->room + size);
        char *data = realloc(request->data, room);
        if (data == NULL || room > LARGEST_REQUEST)
            return -1;
        request->data = data;
        request->room = room;
    }
    memcpy(request->data + request->size, field, size);
    request->size += size;
    return 0;
}

static int add_number(struct request *request, long number)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", number);
    return add(request, text);
}

static int is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Return whether the program would run under the server's conditions: default Python, UTF-8, no terminal.
 *
 * The server imported its modules under these conditions, and cannot repeat that. gtable is a class that only
 * bin/dx-jobutil-add-output supports, which is not part of the server. Blocked signals are not part of the request. */
static int may_be_warm(char **arguments)
{
    const char *locale = getenv("LC_ALL");
    sigset_t blocked;
    if (locale == NULL || (strcmp(locale, "C.UTF-8") != 0 && strcmp(locale, "en_US.UTF-8") != 0) ||
        getenv("DX_JOB_ID") == NULL)
        return 0;
    for (char **variable = environ; *variable; variable++)
        if (begins_with(*variable, "PYTHON") || begins_with(*variable, "LD_PRELOAD") ||
            begins_with(*variable, "_ARGCOMPLETE"))
            return 0;
    for (int number = 0; number < 3; number++)
        if (fcntl(number, F_GETFD) < 0 || isatty(number))
            return 0;
    for (char **argument = arguments; *argument; argument++)
        if (strstr(*argument, "gtable"))
            return 0;
    if (sigprocmask(SIG_BLOCK, NULL, &blocked) != 0)
        return 0;
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&blocked, number) == 1)
            return 0;
    return 1;
}

/* List the files that were inherited from the caller; return their number, or -1. */
static int inherited_files(int *files)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    if (folder == NULL)
        return -1;
    while ((entry = readdir(folder)) != NULL) {
        int number = atoi(entry->d_name), flags;
        if (entry->d_name[0] == '.' || number == dirfd(folder))
            continue;
        flags = fcntl(number, F_GETFD);
        if (flags < 0 || flags & FD_CLOEXEC)
            continue;
        if (count == MOST_FILES) {
            closedir(folder);
            return -1;
        }
        files[count++] = number;
    }
    closedir(folder);
    return count;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return server < 0 ? -1 : connect(server, (struct sockaddr *)&address, sizeof address);
}

/* Send the request, and with its first byte the current folder and the files. */
static int send_request(const struct request *request, int current, const int *files, int count)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE((MOST_FILES + 1) * sizeof(int))];
    } control = {0};
    size_t rights = (count + 1) * sizeof(int), sent = 0;
    struct iovec data = {request->data, request->size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(rights);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(rights);
    memcpy(CMSG_DATA(&control.header), &current, sizeof current);
    memcpy(CMSG_DATA(&control.header) + sizeof current, files, count * sizeof *files);
    while (sent < request->size) {
        ssize_t size = sent ? send(server, request->data + sent, request->size - sent, MSG_NOSIGNAL)
                            : sendmsg(server, &message, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return -1;
        sent += (size_t)size;
    }
    return 0;
}

static size_t receive(unsigned char *data, size_t size)
{
    size_t received = 0;
    while (received < size) {
        ssize_t more = recv(server, data + received, size - received, 0);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            break;
        received += (size_t)more;
    }
    return received;
}

/* Have the server forward a signal, which this process received, to the program. */
static void pass_on(int number)
{
    int kept = errno;
    char byte = (char)number;
    if (send(server, &byte, 1, MSG_NOSIGNAL) < 0) {
        /* The program has just ended. */
    }
    errno = kept;
}

/* End in the same way as the process with this wait status. */
static _Noreturn void end_as(int status)
{
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
        pause();
    }
    _exit(WEXITSTATUS(status));
}

/* Fill the request with the state that the program is to be started with; return 0, or -1 if memory runs out. */
static int describe_call(struct request *request, const char *name, char **arguments, const int *files, int count)
{
    /* With its zero byte, it takes the four bytes into which the length is written last. */
    const char *room_for_length = "\1\1\1";
    mode_t mask = umask(0);
    long ignored = 0, argument_count = 0;
    int failed;
    umask(mask);
    failed = add(request, room_for_length) || add(request, name) || add_number(request, (long)mask);
    for (int number = 1; number < NSIG; number++)
        ignored += is_ignored(number);
    failed |= add_number(request, ignored);
    for (int number = 1; number < NSIG; number++)
        if (is_ignored(number))
            failed |= add_number(request, number);
    failed |= add_number(request, count);
    for (int index = 0; index < count; index++)
        failed |= add_number(request, files[index]);
    for (char **argument = arguments; *argument; argument++)
        argument_count++;
    failed |= add_number(request, argument_count);
    for (char **argument = arguments; *argument; argument++)
        failed |= add(request, *argument);
    for (char **variable = environ; *variable; variable++)
        failed |= add(request, *variable);
    if (failed)
        return -1;
    for (int index = 0; index < 4; index++)
        request->data[index] = (char)((request->size - 4) >> (24 - 8 * index));
    return 0;
}

/* Run the program in the server and end this process; return only if it was not run. */
static void run_warm(const char *folder, const char *name, char **arguments)
{
    char address[PATH_MAX + 16];
    unsigned char answer[5];
    int files[MOST_FILES], ignored[PASSED_ON_COUNT];
    int count = inherited_files(files);
    int current = open(".", O_PATH | O_CLOEXEC);
    struct request request = {0};
    snprintf(address, sizeof address, "%s/.server", folder);
    if (count < 0 || current < 0 || describe_call(&request, name, arguments, files, count) < 0 ||
        connect_to(address) < 0 || send_request(&request, current, files, count) < 0 ||
        receive(answer, 1) < 1 || answer[0] != '+') {
        close(server);
        return;
    }
    /* Now only the program has them open, so that the other ends of pipes notice when it closes them. */
    for (int index = 0; index < count; index++)
        close(files[index]);
    close(current);
    for (size_t index = 0; index < PASSED_ON_COUNT; index++) {
        struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
        ignored[index] = is_ignored(PASSED_ON[index]);
        if (!ignored[index])
            sigaction(PASSED_ON[index], &action, NULL);
    }
    if (receive(answer, 5) < 5)
        end_as(SIGKILL);
    end_as(answer[1] << 24 | answer[2] << 16 | answer[3] << 8 | answer[4]);
}

/* Return whether this client does calls of a program itself. tools.py makes the file if the program is a known one. */
static int is_done_here(const char *folder, const char *name)
{
    char marker[2 * PATH_MAX];
    if (strcmp(name, "dx-jobutil-add-output") != 0)
        return 0;
    snprintf(marker, sizeof marker, "%s/.known/%s", folder, name);
    return access(marker, F_OK) == 0;
}

/* Write the path of this program, without links, into PATH_MAX bytes; return 0, or -1 if it is unknown. */
static int own_path(char *path)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    const char *started_as;
    if (size >= 0) {
        path[size] = '\0';
        return 0;
    }
    /* There is no /proc. Then the kernel still passes the path by which this program was started. */
    started_as = (const char *)getauxval(AT_EXECFN);
    return started_as && realpath(started_as, path) ? 0 : -1;
}

int main(int argc, char **argv)
{
    char folder[PATH_MAX], program[PATH_MAX], link[2 * PATH_MAX];
    ssize_t size;
    char *name;
    if (own_path(folder) < 0 || argc < 1) {
        perror("/proc/self/exe");
        return 127;
    }
    name = strrchr(folder, '/');
    *name++ = '\0';
    if (may_be_warm(argv + 1)) {
        if (is_done_here(folder, name) && add_output(argv + 1))
            return 0;
        run_warm(folder, name, argv + 1);
    }
    snprintf(link, sizeof link, "%s/.plain/%s", folder, name);
    size = readlink(link, program, sizeof program - 1);
    if (size >= 0) {
        program[size] = '\0';
        argv[0] = program;
        execv(program, argv);
    }
    perror(link);
    return 127;
}
