/* JSON, read and written again as Python's json module would: json.dumps(json.loads(text), indent=4).
 *
 * It knows a subset, in which each value has exactly one text: ASCII; integers; numbers whose text is what repr()
 * returns; no key twice in an object; no deep nesting. Everything else is refused, whether or not it is valid JSON.
 * Source: json.decoder and json.encoder of CPython 3.8 to 3.13.
 */

#include "json_text.h"

#include <string.h>

enum { MOST_KEYS = 256, DEEPEST = 16, INDENT = 4 };

/* Python refuses to convert integers of more than 4300 digits. */
enum { MOST_DIGITS_OF_INT = 1000 };

/* IEEE doubles keep this many decimal digits, so different numbers of so many digits are different doubles, and the
 * shortest text of such a double is the number itself. */
enum { MOST_DIGITS_OF_FLOAT = 15 };

/* repr() writes smaller numbers with an exponent. */
enum { MOST_ZEROS_AFTER_POINT = 3 };

struct json {
    const char *at, *end;
};

struct key {
    size_t start, size;
};

static int put_value(struct text *text, struct json *json, int depth);

void put(struct text *text, const char *data, size_t size)
{
    if (size > text->room - text->size) {
        text->is_complete = 0;
        return;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

void put_string(struct text *text, const char *string)
{
    put(text, string, strlen(string));
}

static void put_line(struct text *text, int depth)
{
    put_string(text, "\n");
    for (int column = 0; column < depth * INDENT; column++)
        put_string(text, " ");
}

static void begin_item(struct text *text, int depth, int count_before)
{
    if (count_before > 0)
        put_string(text, ",");
    put_line(text, depth + 1);
}

static void end_items(struct text *text, int depth, int count, const char *bracket)
{
    if (count > 0)
        put_line(text, depth);
    put_string(text, bracket);
}

/* ASCII only: Python writes other characters, and DEL, as \u and four digits. */
static int is_printable(char character)
{
    return character >= ' ' && character <= '~';
}

/* Return what follows the backslash when json.dumps escapes a character by one other character; or 0. */
static char escape_of(char character)
{
    static const char ESCAPED[] = "\"\\\n\r\t\b\f", ESCAPES[] = "\"\\nrtbf";
    const char *found = character ? strchr(ESCAPED, character) : NULL;
    return found ? ESCAPES[found - ESCAPED] : '\0';
}

int put_quoted(struct text *text, const char *string)
{
    put_string(text, "\"");
    for (; *string; string++) {
        const char escaped[] = {'\\', escape_of(*string)};
        if (escaped[1])
            put(text, escaped, sizeof escaped);
        else if (is_printable(*string))
            put(text, string, 1);
        else
            return 0;
    }
    put_string(text, "\"");
    return text->is_complete;
}

static void skip_space(struct json *json)
{
    while (json->at < json->end && *json->at && strchr(" \t\n\r", *json->at))
        json->at++;
}

static int is_next(const struct json *json, char character)
{
    return json->at < json->end && *json->at == character;
}

static int take(struct json *json, char character)
{
    if (!is_next(json, character))
        return 0;
    json->at++;
    return 1;
}

static size_t take_digits(struct json *json)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - start);
}

static int put_copied_string(struct text *text, struct json *json)
{
    const char *start = json->at;
    if (!take(json, '"'))
        return 0;
    while (json->at < json->end && *json->at != '"') {
        if (take(json, '\\') && (json->at == json->end || *json->at == '\0' || !strchr("\"\\nrtbf", *json->at)))
            return 0;
        if (!is_printable(*json->at++))
            return 0;
    }
    if (!take(json, '"'))
        return 0;
    put(text, start, (size_t)(json->at - start));
    return 1;
}

/* Return whether digits after a point are those of repr(), which writes neither zeros at the end nor small numbers. */
static int is_plain_fraction(const char *digits, size_t count, int is_below_one)
{
    size_t zeros = 0;
    if (count == 1)
        return 1;
    while (zeros < count && digits[zeros] == '0')
        zeros++;
    return count > 0 && digits[count - 1] != '0' && (!is_below_one || zeros <= MOST_ZEROS_AFTER_POINT);
}

static int put_number(struct text *text, struct json *json)
{
    const char *start = json->at, *whole, *fraction;
    int is_negative = take(json, '-');
    size_t whole_size, fraction_size;
    whole = json->at;
    whole_size = take_digits(json);
    if (whole_size == 0 || whole_size > MOST_DIGITS_OF_INT || (whole_size > 1 && *whole == '0'))
        return 0;
    if (take(json, '.')) {
        fraction = json->at;
        fraction_size = take_digits(json);
        if (whole_size + fraction_size > MOST_DIGITS_OF_FLOAT ||
            !is_plain_fraction(fraction, fraction_size, *whole == '0'))
            return 0;
    } else if (is_negative && *whole == '0') {
        return 0; /* the integer -0 is written as 0 */
    }
    put(text, start, (size_t)(json->at - start));
    return 1;
}

static int put_word(struct text *text, struct json *json)
{
    static const char *const WORDS[] = {"true", "false", "null"};
    for (size_t index = 0; index < sizeof WORDS / sizeof *WORDS; index++) {
        size_t size = strlen(WORDS[index]);
        if ((size_t)(json->end - json->at) >= size && memcmp(json->at, WORDS[index], size) == 0) {
            put(text, WORDS[index], size);
            json->at += size;
            return 1;
        }
    }
    return 0;
}

static int put_text(struct text *text, const struct text *json, int depth)
{
    struct json reader = {json->data, json->data + json->size};
    skip_space(&reader);
    if (!put_value(text, &reader, depth))
        return 0;
    skip_space(&reader);
    return reader.at == reader.end;
}

/* Copy an array, and add an element unless `added` is NULL. */
static int put_array(struct text *text, struct json *json, int depth, const struct text *added)
{
    int count = 0;
    if (!take(json, '['))
        return 0;
    put_string(text, "[");
    skip_space(json);
    if (!take(json, ']')) {
        do {
            begin_item(text, depth, count++);
            skip_space(json);
            if (!put_value(text, json, depth + 1))
                return 0;
            skip_space(json);
        } while (take(json, ','));
        if (!take(json, ']'))
            return 0;
    }
    if (added) {
        begin_item(text, depth, count++);
        if (!put_text(text, added, depth + 1))
            return 0;
    }
    end_items(text, depth, count, "]");
    return 1;
}

/* Copy the value of a key that is to be changed, with the change. */
static int put_changed_value(struct text *text, struct json *json, int depth, const struct change *change)
{
    size_t before = text->size;
    if (change->is_array)
        return put_array(text, json, depth, &change->value);
    if (!put_value(text, json, depth))
        return 0;
    text->size = before;
    return put_text(text, &change->value, depth);
}

static int put_new_value(struct text *text, int depth, const struct change *change)
{
    const char *const empty = "[]";
    struct json none = {empty, empty + 2};
    return change->is_array ? put_array(text, &none, depth, &change->value) : put_text(text, &change->value, depth);
}

static int is_repeated(const struct text *text, const struct key *keys, int count)
{
    const struct key *last = &keys[count - 1];
    for (const struct key *key = keys; key < last; key++)
        if (key->size == last->size && memcmp(text->data + key->start, text->data + last->start, key->size) == 0)
            return 1;
    return 0;
}

/* Copy the next key of an object with its colon, and note it. */
static int put_key(struct text *text, struct json *json, struct key *key)
{
    key->start = text->size;
    if (!put_copied_string(text, json))
        return 0;
    key->size = text->size - key->start;
    skip_space(json);
    if (!take(json, ':'))
        return 0;
    put_string(text, ": ");
    skip_space(json);
    return 1;
}

static int is_changed(const struct text *text, const struct key *key, const struct change *change)
{
    return change && key->size == change->key.size &&
           memcmp(text->data + key->start, change->key.data, key->size) == 0;
}

/* Copy an object, with a change unless that is NULL. */
static int put_object(struct text *text, struct json *json, int depth, const struct change *change)
{
    struct key keys[MOST_KEYS];
    int count = 0, was_changed = 0;
    if (!take(json, '{'))
        return 0;
    put_string(text, "{");
    skip_space(json);
    if (!take(json, '}')) {
        do {
            struct key *key = &keys[count];
            if (count == MOST_KEYS)
                return 0;
            begin_item(text, depth, count++);
            skip_space(json);
            if (!put_key(text, json, key) || !text->is_complete || is_repeated(text, keys, count))
                return 0;
            if (is_changed(text, key, change)) {
                was_changed = 1;
                if (!put_changed_value(text, json, depth + 1, change))
                    return 0;
            } else if (!put_value(text, json, depth + 1)) {
                return 0;
            }
            skip_space(json);
        } while (take(json, ','));
        if (!take(json, '}'))
            return 0;
    }
    if (change && !was_changed) {
        begin_item(text, depth, count++);
        put(text, change->key.data, change->key.size);
        put_string(text, ": ");
        if (!put_new_value(text, depth + 1, change))
            return 0;
    }
    end_items(text, depth, count, "}");
    return 1;
}

static int put_value(struct text *text, struct json *json, int depth)
{
    if (depth > DEEPEST || json->at == json->end)
        return 0;
    switch (*json->at) {
    case '{':
        return put_object(text, json, depth, NULL);
    case '[':
        return put_array(text, json, depth, NULL);
    case '"':
        return put_copied_string(text, json);
    case 't':
    case 'f':
    case 'n':
        return put_word(text, json);
    default:
        return put_number(text, json);
    }
}

int put_json(struct text *text, const char *json)
{
    const struct text source = {.data = (char *)json, .size = strlen(json)};
    return put_text(text, &source, 0) && text->is_complete;
}

int put_changed(struct text *text, const char *json, size_t size, const struct change *change)
{
    struct json reader = {json, json + size};
    skip_space(&reader);
    if (!put_object(text, &reader, 0, change))
        return 0;
    skip_space(&reader);
    return reader.at == reader.end && text->is_complete;
}
