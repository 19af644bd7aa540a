/*
 * Handles of a served shop.
 */
#include "server/served_shop.h"

#include <string.h>

#include "base/clock.h"
#include "shop/pending.h"

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
    pthread_mutex_init(&shop->refresh, NULL);
    merx_status status = copy_text(name, &shop->name, err);
    if (status == MERX_OK)
        status = copy_text(folder, &shop->folder, err);
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

void mx_served_shop_close(mx_served_shop *shop)
{
    close_writer(shop);
    while (shop->idle) {
        mx_reader *reader = shop->idle;
        shop->idle = reader->next;
        merx_shop_close(reader->shop);
        MX_FREE_ARRAY(NULL, reader, 1);
    }
    if (shop->name)
        MX_FREE_ARRAY(NULL, shop->name, strlen(shop->name) + 1);
    if (shop->folder)
        MX_FREE_ARRAY(NULL, shop->folder, strlen(shop->folder) + 1);
    pthread_mutex_destroy(&shop->lock);
    pthread_mutex_destroy(&shop->refresh);
    memset(shop, 0, sizeof *shop);
}

merx_status mx_served_shop_take(mx_served_shop *shop, mx_reader **out, merx_error *err)
{
    pthread_mutex_lock(&shop->lock);
    *out = shop->idle;
    if (*out)
        shop->idle = (*out)->next;
    pthread_mutex_unlock(&shop->lock);
    if (!*out)
        MX_TRY(open_reader(shop, out, err));
    (*out)->taken_at = atomic_load(&shop->generation);
    return MERX_OK;
}

void mx_served_shop_give(mx_served_shop *shop, mx_reader *reader)
{
    pthread_mutex_lock(&shop->lock);
    reader->next = shop->idle;
    shop->idle = reader;
    pthread_mutex_unlock(&shop->lock);
}

bool mx_served_shop_behind(const mx_served_shop *shop, const mx_reader *reader)
{
    return !reader->shop->snapshot || reader->generation != atomic_load(&shop->generation);
}

merx_status mx_served_shop_snapshot(mx_served_shop *shop, mx_reader *reader, mx_snapshot **out, merx_error *err)
{
    if (!mx_served_shop_behind(shop, reader))
        return mx_shop_snapshot(reader->shop, NULL, out, err);
    pthread_mutex_lock(&shop->refresh);
    merx_status status = mx_shop_snapshot(reader->shop, NULL, out, err);
    if (status == MERX_OK)
        reader->generation = reader->taken_at;
    pthread_mutex_unlock(&shop->refresh);
    return status;
}

merx_status mx_served_shop_writer(mx_served_shop *shop, merx_error *err)
{
    if (!shop->writer) {
        MX_TRY(merx_shop_open(NULL, shop->folder, NULL, &shop->writer, err));
        mx_live_init(&shop->live, shop->writer);
    }
    return mx_forget_pending(shop->writer, NULL, err);
}

void mx_served_shop_written(mx_served_shop *shop)
{
    atomic_fetch_add(&shop->generation, 1);
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
    mx_served_shop_written(shop);
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
