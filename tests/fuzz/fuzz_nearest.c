/* Indexes of neighbours out of any bytes: what loads can be searched, measured, added to and taken from. */
#include <string.h>

#include "fuzz.h"
#include "merx/neighbour.h"

enum { MOST_WIDTH = 64, MOST_COUNT = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *copy = NULL; /* aligned as a mapped file is */
    fuzz_require(posix_memalign(&copy, 64, size + 1) == 0);
    if (size > 0)
        memcpy(copy, data, size);
    merx_error err = {0};
    merx_nearest *index;
    if (merx_nearest_load_memory(NULL, copy, size, "fuzz", false, &index, &err) != MERX_OK) {
        fuzz_require(!index && err.message[0]);
        free(copy);
        return 0;
    }
    merx_nearest_info info = merx_nearest_describe(index);
    if (info.width <= MOST_WIDTH && info.count <= MOST_COUNT && info.ef <= MOST_COUNT &&
        info.ef_construction <= MOST_COUNT) {
        float query[3 * MOST_WIDTH] = {1, 2, 3};
        merx_neighbour found[3 * 4], exact[3 * 4];
        fuzz_require(merx_nearest_search(index, query, 3, 4, NULL, found, &err) == MERX_OK);
        fuzz_require(merx_nearest_search_exact(index, query, 3, 4, NULL, exact, &err) == MERX_OK);
        fuzz_require((found[0].id >= 0) == (info.count > 0) && (exact[0].id >= 0) == (info.count > 0));
        if (found[0].id >= 0)
            fuzz_require(merx_nearest_remove(index, &found[0].id, 1, NULL, &err) == MERX_OK);
        if (merx_nearest_add(index, query, NULL, 3, NULL, &err) == MERX_OK)
            fuzz_require(merx_nearest_describe(index).count == info.count + 3 - (info.count > 0));
        fuzz_require(merx_nearest_search(index, query, 1, 4, NULL, found, &err) == MERX_OK || err.message[0]);
    }
    merx_nearest_free(index);
    free(copy);
    return 0;
}
