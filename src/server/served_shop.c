/*
 * Handles of a served shop.
 */
#include "server/served_shop.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "shop/pending.h"

/* Writes of so many rows are looked at by who wrote them: that costs them little, and a question after them nothing. */
enum { SEEN_AT_ONCE = 256 };

static merx_status copy_text(const char *text, char **out, merx_error *err)
{
    size_t size = strlen(text) + 1;
    MX_TRY(mx_alloc_array_raw(NULL, size, 1, "name", out, err));
    memcpy(*out, text, size);
    return MERX_OK;
}

static merx_status open_reader(const mx_served_shop *shop, mx_reader **out, merx_error *err)
{
    mx_reader *reader;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &reader, "reader", err));
    merx_status status =
        merx_shop_open(NULL, shop->folder, &(merx_shop_options){.read_only = true}, &reader->shop, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(NULL, reader, 1);
        return status;
    }
    *out = reader;
    return MERX_OK;
}

merx_status mx_served_shop_open(mx_served_shop *shop, const char *name, const char *folder, merx_error *err)
{
    memset(shop, 0, sizeof *shop);
    pthread_mutex_init(&shop->lock, NULL);
    merx_status status = copy_text(name, &shop->name, err);
    if (status == MERX_OK)
        status = copy_text(folder, &shop->folder, err);
    if (status == MERX_OK)
        status = mx_view_keeper_new(folder, NULL, &shop->keeper, err);
    if (status == MERX_OK)
        status = open_reader(shop, &shop->idle, err);
    if (status != MERX_OK)
        mx_served_shop_close(shop);
    return status;
}

static void close_writer(mx_served_shop *shop)
{
    if (!shop->writer)
        return;
    mx_live_release(&shop->live);
    merx_shop_close(shop->writer);
    shop->writer = NULL;
}

static void close_readers(mx_reader *reader)
{
    while (reader) {
        mx_reader *next = reader->next;
        merx_shop_close(reader->shop);
        MX_FREE_ARRAY(NULL, reader, 1);
        reader = next;
    }
}

void mx_served_shop_close(mx_served_shop *shop)
{
    close_writer(shop);
    close_readers(shop->idle);
    mx_view_keeper_free(shop->keeper);
    if (shop->name)
        MX_FREE_ARRAY(NULL, shop->name, strlen(shop->name) + 1);
    if (shop->folder)
        MX_FREE_ARRAY(NULL, shop->folder, strlen(shop->folder) + 1);
    pthread_mutex_destroy(&shop->lock);
    memset(shop, 0, sizeof *shop);
}

static void note_use(mx_served_shop *shop)
{
    atomic_store_explicit(&shop->used_us, (uint64_t)(mx_monotonic_s() * 1e6), memory_order_relaxed);
}

merx_status mx_served_shop_take(mx_served_shop *shop, mx_reader **out, merx_error *err)
{
    note_use(shop);
    pthread_mutex_lock(&shop->lock);
    *out = shop->idle;
    if (*out)
        shop->idle = (*out)->next;
    pthread_mutex_unlock(&shop->lock);
    return *out ? MERX_OK : open_reader(shop, out, err);
}

void mx_served_shop_give(mx_served_shop *shop, mx_reader *reader)
{
    mx_view_release(reader->view);
    reader->view = NULL;
    pthread_mutex_lock(&shop->lock);
    reader->next = shop->idle;
    shop->idle = reader;
    pthread_mutex_unlock(&shop->lock);
}

/* A change within the clock's tick of a look would show no other time. */
enum { STAMP_AGE_MS = 100 };

mx_file_stamp mx_served_shop_stamp(const mx_served_shop *shop)
{
    static const char *const names[] = {"shop.db", "shop.db-wal"};
    mx_file_stamp stamp = {.known = true};
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        struct stat info;
        int size = snprintf(path, sizeof path, "%s/%s", shop->folder, names[i]);
        bool there = size > 0 && (size_t)size < sizeof path && stat(path, &info) == 0;
        stamp.time_ns[i] = there ? (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec : 0;
        stamp.bytes[i] = there ? (int64_t)info.st_size : -1;
        stamp.known = stamp.known && (there || i > 0) && mx_now_ms() - stamp.time_ns[i] / 1000000 > STAMP_AGE_MS;
    }
    return stamp;
}

bool mx_file_stamp_equal(const mx_file_stamp *a, const mx_file_stamp *b)
{
    return a->known && b->known && memcmp(a->time_ns, b->time_ns, sizeof a->time_ns) == 0 &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool mx_served_shop_behind(const mx_served_shop *shop, bool whole)
{
    return !mx_view_keeper_is_ready(shop->keeper, whole);
}

merx_status mx_served_shop_view(mx_served_shop *shop, mx_reader *reader, bool whole, mx_view **out, merx_error *err)
{
    mx_view_release(reader->view);
    reader->view = NULL;
    MX_TRY(mx_view_keeper_get(shop->keeper, whole, &reader->view, err));
    *out = reader->view;
    return MERX_OK;
}

merx_status mx_served_shop_snapshot(mx_served_shop *shop, mx_reader *reader, mx_snapshot **out, merx_error *err)
{
    mx_view *view;
    MX_TRY(mx_served_shop_view(shop, reader, true, &view, err));
    *out = view->snapshot;
    return MERX_OK;
}

merx_status mx_served_shop_writer(mx_served_shop *shop, merx_error *err)
{
    note_use(shop);
    if (!shop->writer) {
        MX_TRY(merx_shop_open(NULL, shop->folder, NULL, &shop->writer, err));
        mx_live_init(&shop->live, shop->writer);
    }
    return mx_forget_pending(shop->writer, NULL, err);
}

void mx_served_shop_written(mx_served_shop *shop, uint64_t rows)
{
    mx_view *view;
    mx_view_keeper_written(shop->keeper, rows == 0);
    atomic_fetch_add(&shop->generation, 1);
    if (rows > 0 && rows <= SEEN_AT_ONCE && mx_view_keeper_is_awake(shop->keeper) &&
        mx_view_keeper_get(shop->keeper, false, &view, NULL) == MERX_OK)
        mx_view_release(view);
}

/* Readers that nobody holds. The writer is its lane's, and stays. */
static void let_readers_go(mx_served_shop *shop)
{
    pthread_mutex_lock(&shop->lock);
    mx_reader *idle = shop->idle;
    shop->idle = NULL;
    pthread_mutex_unlock(&shop->lock);
    close_readers(idle);
}

void mx_served_shop_tend(mx_served_shop *shop, double idle_s)
{
    mx_view_keeper_tend(shop->keeper, idle_s);
    if (mx_monotonic_s() - (double)atomic_load_explicit(&shop->used_us, memory_order_relaxed) * 1e-6 > idle_s)
        let_readers_go(shop);
}

static void set_task(mx_served_shop *shop, merx_task *task)
{
    pthread_mutex_lock(&shop->lock);
    shop->task = task;
    pthread_mutex_unlock(&shop->lock);
}

merx_status mx_served_shop_forget(mx_served_shop *shop, const char *customer, merx_receipt *out, merx_error *err)
{
    merx_task *task;
    MX_TRY(merx_task_new(NULL, &(merx_task_options){.threads = 1}, &task, err));
    set_task(shop, task);
    merx_status status = merx_shop_forget(shop->writer, customer, task, out, err);
    set_task(shop, NULL);
    merx_task_free(task);
    /* Also after a failure: rows may be gone already. */
    mx_served_shop_written(shop, 0);
    return status;
}

void mx_served_shop_was_busy(mx_served_shop *shop)
{
    atomic_store(&shop->busy_ms, (uint64_t)(mx_monotonic_s() * 1e3));
}

bool mx_served_shop_busy_since(const mx_served_shop *shop, double begun_s)
{
    return (double)atomic_load(&shop->busy_ms) > begun_s * 1e3;
}

void mx_served_shop_cancel(mx_served_shop *shop)
{
    pthread_mutex_lock(&shop->lock);
    if (shop->task)
        merx_task_cancel(shop->task);
    pthread_mutex_unlock(&shop->lock);
}
