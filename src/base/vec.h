/* vec: growth for the arrays that live in structs as (items, count, capacity).
 *
 *     struct thing *items; size_t count, capacity;
 *     vec_room(&v->items, &v->capacity, v->count + 1, sizeof *v->items);
 *     v->items[v->count++] = x;
 */
#ifndef CARAT_BASE_VEC_H
#define CARAT_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for `needed` items, doubling. `items` is the address of the pointer. Cannot fail
 * (mem_resize). */
void vec_room(void *items, size_t *capacity, size_t needed, size_t item_size);

/* The same for the engine: false, with nothing changed, when there is no memory. */
bool vec_try_room(void *items, size_t *capacity, size_t needed, size_t item_size);

#endif
