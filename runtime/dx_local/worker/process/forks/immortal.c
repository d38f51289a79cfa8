/* Make objects of Python immortal: see immortal.py, which makes sure that this Python is one of those described here.
 *
 * It is in C because there are a hundred thousand of them, for which Python would take as long as for ten jobs.
 */

#include <stdint.h>
#include <stdlib.h>

/* Of CPython 3.12 and 3.13, 64 bits, with a global interpreter lock. Sources: PEP 683; Include/object.h. */
enum { SLOT_OF_TRAVERSE = 71 }; /* Py_tp_traverse */
static const uint64_t IMMORTAL = UINT32_MAX;

struct object {
    uint64_t reference_count;
    void *type;
};

typedef int visit_function(struct object *, void *);
typedef int traverse_function(struct object *, visit_function *, void *);

/* Functions of the running Python, of its stable ABI. */
struct python {
    traverse_function *(*get_slot)(void *type, int slot);
    int (*is_container)(struct object *);
};

/* Objects whose own references are still to be visited. */
struct stack {
    struct object **objects;
    size_t size, room;
};

static int visit(struct object *object, void *data)
{
    struct stack *stack = data;
    if ((uint32_t)object->reference_count == IMMORTAL)
        return 0;
    if (stack->size == stack->room) {
        size_t room = 2 * stack->room + 4096;
        struct object **objects = realloc(stack->objects, room * sizeof *objects);
        if (objects == NULL)
            return -1;
        stack->objects = objects;
        stack->room = room;
    }
    object->reference_count = IMMORTAL;
    stack->objects[stack->size++] = object;
    return 0;
}

/* Make all objects immortal that can be reached from `root`, but not `root` itself. Return their number. */
long dx_immortalize(struct object *root, const struct python *python)
{
    struct stack stack = {NULL, 0, 0};
    struct object *object = root;
    long count = 0;
    for (;;) {
        if (python->is_container(object)) {
            traverse_function *traverse = python->get_slot(object->type, SLOT_OF_TRAVERSE);
            if (traverse != NULL && traverse(object, visit, &stack) != 0)
                break; /* no memory: the others stay as they are */
        }
        if (stack.size == 0)
            break;
        object = stack.objects[--stack.size];
        count++;
    }
    free(stack.objects);
    return count;
}
