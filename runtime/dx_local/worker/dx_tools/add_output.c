/* dx-jobutil-add-output without Python: apps call it once for each output, or in loops that build arrays.
 *
 * It does the plain calls, of which the outcome is certain, and refuses all others before anything has changed: the
 * caller then has the program itself run, which reports mistakes. known_programs.py states which versions of the
 * program this was written for; tests/worker/dx_tools/test_add_output.py compares it with the program.
 *
 * Source: scripts/dx-jobutil-add-output and dxpy/utils/resolver.py of dxpy 0.280 to 0.417.
 */

#include "add_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_text.h"

enum { LARGEST_FILE = 1 << 20, LARGEST_ARGUMENT = 1 << 17, ID_SIZE = 24 };

extern char **environ;

struct call {
    const char *name, *value, *class;
    int is_array;
};

static char file_room[LARGEST_FILE], changed_room[LARGEST_FILE], key_room[LARGEST_ARGUMENT],
    value_room[LARGEST_ARGUMENT];

static struct text text_in(char *room, size_t size)
{
    return (struct text){.data = room, .room = size, .is_complete = 1};
}

static int begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Return the text behind a beginning, or NULL if the text begins otherwise. */
static const char *after(const char *text, const char *beginning)
{
    return begins_with(text, beginning) ? text + strlen(beginning) : NULL;
}

/* Parse the arguments as argparse does, but without abbreviations, and with at most one --class. */
static int parse(char **arguments, struct call *call)
{
    for (; *arguments; arguments++) {
        if (strcmp(*arguments, "--array") == 0) {
            call->is_array = 1;
        } else if (begins_with(*arguments, "--class=") || strcmp(*arguments, "--class") == 0) {
            const char *equals = strchr(*arguments, '=');
            const char *class = equals ? equals + 1 : *++arguments;
            if (class == NULL || call->class)
                return 0;
            call->class = class;
        } else if (**arguments == '-' || call->value) {
            return 0;
        } else if (call->name == NULL) {
            call->name = *arguments;
        } else {
            call->value = *arguments;
        }
    }
    if (call->class == NULL)
        call->class = "auto";
    if (strcmp(call->class, "array:hash") == 0)
        return 0; /* the only class of which the program has no arrays */
    if (begins_with(call->class, "array:")) {
        call->class += strlen("array:");
        call->is_array = 1;
    }
    return call->value != NULL;
}

/* Return whether the text begins with a class of objects and 24 letters and digits. */
static int begins_with_id(const char *text, const char *prefix)
{
    const char *rest = after(text, prefix);
    if (rest == NULL)
        return 0;
    for (int index = 0; index < ID_SIZE; index++) {
        char letter = rest[index];
        if (!((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
              (letter >= 'a' && letter <= 'z')))
            return 0;
    }
    return 1;
}

/* resolver.py: data_obj_pattern, is_data_obj_id */
static int is_data_object_id(const char *text)
{
    static const char *const PREFIXES[] = {"record-", "applet-", "file-", "workflow-", "database-"};
    for (size_t index = 0; index < sizeof PREFIXES / sizeof *PREFIXES; index++)
        if (begins_with_id(text, PREFIXES[index]))
            return text[strlen(PREFIXES[index]) + ID_SIZE] == '\0';
    return 0;
}

/* Write a reference JOB:FIELD. resolver.py: is_job_id; split_unescaped, which drops empty parts and treats a backslash
 * as an escape; unescape_name_str, which only concerns backslashes. */
static int put_job_reference(struct text *json, const char *value)
{
    enum { JOB_SIZE = sizeof "job-" - 1 + ID_SIZE };
    char job[JOB_SIZE + 1];
    const char *field;
    if (!begins_with_id(value, "job-") || value[JOB_SIZE] != ':')
        return 0;
    field = value + JOB_SIZE + 1;
    if (*field == '\0' || strpbrk(field, ":\\"))
        return 0;
    snprintf(job, sizeof job, "%s", value);
    put_string(json, "{\"job\": ");
    if (!put_quoted(json, job))
        return 0;
    put_string(json, ", \"field\": ");
    if (!put_quoted(json, field))
        return 0;
    put_string(json, "}");
    return 1;
}

static int put_link(struct text *json, const char *id)
{
    put_string(json, "{\"$dnanexus_link\": ");
    if (!put_quoted(json, id))
        return 0;
    put_string(json, "}");
    return 1;
}

/* The program accepts any JSON object with a link that is not null. */
static int put_data_object(struct text *json, const char *value)
{
    const char *link = after(value, "{\"$dnanexus_link\": ");
    if (is_data_object_id(value))
        return put_link(json, value);
    return link && (*link == '"' || *link == '{') && put_json(json, value);
}

/* int() also accepts spaces, signs, underscores and zeros before the number, of which put_json knows none but a sign,
 * with which no value begins. */
static int put_int(struct text *json, const char *value)
{
    return value[strspn(value, "0123456789")] == '\0' && put_json(json, value);
}

/* float() also accepts other texts, and integers, which become floats. */
static int put_float(struct text *json, const char *value)
{
    const char *point = value + strspn(value, "0123456789");
    return *point == '.' && put_json(json, value);
}

/* The program looks at the first letter only, or for 0 and 1. */
static int put_boolean(struct text *json, const char *value)
{
    if (*value == 't' || *value == 'T' || strcmp(value, "1") == 0)
        put_string(json, "true");
    else if (*value == 'f' || *value == 'F' || strcmp(value, "0") == 0)
        put_string(json, "false");
    else
        return 0;
    return 1;
}

/* Return whether a value is certainly neither an ID, a reference nor JSON, so that the program takes it as a string.
 *
 * Without a letter or / at its beginning it might be JSON, and with a line break at its end an ID: patterns that end
 * with $ match before it. */
static int is_certainly_string(const char *value)
{
    static const char *const BEGINNINGS[] = {"true", "false", "null", "NaN", "Infinity", "job-", "analysis-"};
    int is_letter = (*value >= 'A' && *value <= 'Z') || (*value >= 'a' && *value <= 'z');
    for (size_t index = 0; index < sizeof BEGINNINGS / sizeof *BEGINNINGS; index++)
        if (begins_with(value, BEGINNINGS[index]))
            return 0;
    return (is_letter || *value == '/') && strchr(value, '\n') == NULL;
}

static int put_auto(struct text *json, const char *value)
{
    if (is_data_object_id(value))
        return put_link(json, value);
    if (begins_with(value, "job-"))
        return put_job_reference(json, value);
    return is_certainly_string(value) ? put_quoted(json, value) : put_json(json, value);
}

/* Write the value of an output as JSON, by its class. */
static int put_output(struct text *json, const char *class, const char *value)
{
    static const struct {
        const char *class;
        int (*put)(struct text *, const char *);
    } CLASSES[] = {
        {"auto", put_auto},           {"file", put_data_object},     {"record", put_data_object},
        {"applet", put_data_object},  {"workflow", put_data_object}, {"jobref", put_job_reference},
        {"string", put_quoted},       {"int", put_int},              {"float", put_float},
        {"boolean", put_boolean},     {"hash", put_json},
    };
    for (size_t index = 0; index < sizeof CLASSES / sizeof *CLASSES; index++)
        if (strcmp(class, CLASSES[index].class) == 0)
            return CLASSES[index].put(json, value) && json->is_complete;
    return 0;
}

static int exists(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* Return whether a configuration of dxpy exists, or its place is not plain. Source: dxpy/utils/config.py */
static int may_be_configured(const char *home)
{
    char default_folder[PATH_MAX];
    const char *folder = getenv("DX_USER_CONF_DIR");
    if (folder == NULL) {
        if (snprintf(default_folder, sizeof default_folder, "%s/.dnanexus_config", home) >= PATH_MAX)
            return 1;
        folder = default_folder;
    }
    return *folder != '/' || exists(folder) || exists("/etc/dnanexus");
}

/* Return whether importing dxpy certainly has no visible effect. It reads its configuration and its variables, and warns
 * about mistakes in them or fails. Source: dxpy/utils/config.py */
static int is_dxpy_silent(const char *home)
{
    char room[4096];
    struct text json = text_in(room, sizeof room);
    const char *token = getenv("DX_SECURITY_CONTEXT");
    for (char **variable = environ; *variable; variable++)
        if (begins_with(*variable, "_DX_"))
            return 0;
    return (token == NULL || put_json(&json, token)) && !may_be_configured(home);
}

/* A limited file would have to be cut in the same place. */
static int is_file_size_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

static int write_at_start(int file, const struct text *text)
{
    size_t written = 0;
    while (written < text->size) {
        ssize_t more = pwrite(file, text->data + written, text->size - written, (off_t)written);
        if (more <= 0)
            return 0;
        written += (size_t)more;
    }
    return 1;
}

/* Lock a file. If its file system has no locks, create a mark, whose path is empty otherwise: see process/locks.py. An
 * empty mark does for the moment that it exists. Other processes may have one; then the program waits for them. */
static int lock(int file, const char *path, char mark[PATH_MAX])
{
    int created = -1;
    *mark = '\0';
    if (flock(file, LOCK_EX) == 0)
        return 1;
    if (errno != ENOSYS && errno != ENOLCK && errno != EOPNOTSUPP)
        return 0;
    if (snprintf(mark, PATH_MAX, "%s.owner", path) < PATH_MAX)
        created = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (created < 0) {
        *mark = '\0';
        return 0;
    }
    close(created);
    return 1;
}

static void unlock(const char *mark)
{
    if (*mark)
        unlink(mark);
}

/* Write a new file, which nobody else has locked yet; remove it if the disk is full. */
static int write_new(int file, const char *path, const struct text *content)
{
    char mark[PATH_MAX];
    int is_done = lock(file, path, mark) && write_at_start(file, content);
    if (!is_done)
        unlink(path);
    unlock(mark);
    return is_done;
}

static int read_all(int file, struct text *text)
{
    ssize_t more;
    while ((more = read(file, text->data + text->size, text->room - text->size)) > 0)
        text->size += (size_t)more;
    return more == 0 && text->size < text->room;
}

/* Replace the content of a file; if the disk is full, bring back the old content, which has its place there. */
static int replace(int file, const struct text *old, const struct text *new)
{
    if (write_at_start(file, new) && ftruncate(file, (off_t)new->size) == 0)
        return 1;
    if (!write_at_start(file, old) || ftruncate(file, (off_t)old->size) != 0)
        perror("job_output.json");
    return 0;
}

static int update_locked(int file, const struct change *change)
{
    struct text old = text_in(file_room, sizeof file_room), new = text_in(changed_room, sizeof changed_room);
    if (!read_all(file, &old) || !put_changed(&new, old.data, old.size, change))
        return 0;
    put_string(&new, "\n");
    return new.is_complete && replace(file, &old, &new);
}

static int update_existing(int file, const char *path, const struct change *change)
{
    char mark[PATH_MAX];
    struct stat status;
    int is_done;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || !lock(file, path, mark))
        return 0;
    is_done = update_locked(file, change);
    unlock(mark);
    return is_done;
}

/* As the program does, create the file with mode 0777 less the umask, or change it in its place. */
static int update(const char *path, const struct change *change)
{
    struct text new = text_in(changed_room, sizeof changed_room);
    int file, is_done;
    if (!put_changed(&new, "{}", 2, change))
        return 0;
    put_string(&new, "\n");
    if (!new.is_complete)
        return 0;
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
    if (file >= 0) {
        is_done = write_new(file, path, &new);
    } else {
        file = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (file < 0)
            return 0;
        is_done = update_existing(file, path, change);
    }
    close(file);
    return is_done;
}

int add_output(char **arguments)
{
    struct call call = {0};
    struct change change = {.key = text_in(key_room, sizeof key_room), .value = text_in(value_room, sizeof value_room)};
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    if (home == NULL || *home != '/' || !parse(arguments, &call) || is_file_size_limited() || !is_dxpy_silent(home))
        return 0;
    change.is_array = call.is_array;
    return put_quoted(&change.key, call.name) && put_output(&change.value, call.class, call.value) &&
           snprintf(path, sizeof path, "%s/job_output.json", home) < (int)sizeof path && update(path, &change);
}
