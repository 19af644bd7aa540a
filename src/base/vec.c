/*
 * A growing array: doubles while small, then grows by half, never past its maximum.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"

mx_vec mx_vec_init(const merx_allocator *alloc, size_t element_size, size_t max_count, const char *what)
{
    assert(element_size > 0);
    return (mx_vec){
        .alloc = mx_allocator_or_default(alloc), .element_size = element_size, .max_count = max_count, .what = what};
}

static merx_status set_capacity(mx_vec *vec, size_t capacity, merx_error *err)
{
    size_t size = 0;
    if (!mx_mul_size(capacity, vec->element_size, &size))
        MX_FAIL(err, MERX_E_MEMORY, vec->what, "%zu elements of %zu bytes are more than can be addressed", capacity,
                vec->element_size);
    void *data = vec->data == NULL
                     ? vec->alloc->alloc(vec->alloc->context, size)
                     : vec->alloc->resize(vec->alloc->context, vec->data, vec->capacity * vec->element_size, size);
    if (data == NULL)
        MX_FAIL(err, MERX_E_MEMORY, vec->what, "no memory for %zu bytes", size);
    vec->data = data;
    vec->capacity = capacity;
    return MERX_OK;
}

merx_status mx_vec_reserve(mx_vec *vec, size_t count, merx_error *err)
{
    if (count > vec->max_count)
        MX_FAIL(err, MERX_E_LIMIT, vec->what, "%zu are more than the %zu allowed", count, vec->max_count);
    if (count <= vec->capacity)
        return MERX_OK;
    return set_capacity(vec, count, err);
}

merx_status mx_vec_push(mx_vec *vec, size_t n, void *out, merx_error *err)
{
    if (out != NULL)
        memset(out, 0, sizeof(void *));
    if (n > vec->max_count || vec->count > vec->max_count - n)
        MX_FAIL(err, MERX_E_LIMIT, vec->what, "more than the %zu allowed", vec->max_count);
    size_t need = vec->count + n;
    if (need > vec->capacity) {
        bool small = vec->capacity < ((size_t)1 << 20) / vec->element_size;
        size_t step = small ? vec->capacity : vec->capacity / 2;
        size_t capacity = step > SIZE_MAX - vec->capacity ? SIZE_MAX : vec->capacity + step;
        if (capacity < 8)
            capacity = 8;
        if (capacity < need)
            capacity = need;
        if (capacity > vec->max_count)
            capacity = vec->max_count;
        MX_TRY(set_capacity(vec, capacity, err));
    }
    if (out != NULL && vec->data != NULL) {
        void *first = (char *)vec->data + vec->count * vec->element_size;
        memcpy(out, &first, sizeof first);
    }
    vec->count = need;
    return MERX_OK;
}

merx_status mx_vec_append(mx_vec *vec, const void *elements, size_t n, merx_error *err)
{
    void *slot = NULL;
    MX_TRY(mx_vec_push(vec, n, &slot, err));
    if (n > 0 && slot != NULL)
        memcpy(slot, elements, n * vec->element_size);
    return MERX_OK;
}

void mx_vec_clear(mx_vec *vec)
{
    vec->count = 0;
}

void mx_vec_release(mx_vec *vec)
{
    if (vec->data != NULL)
        vec->alloc->release(vec->alloc->context, vec->data, vec->capacity * vec->element_size);
    vec->data = NULL;
    vec->count = 0;
    vec->capacity = 0;
}
