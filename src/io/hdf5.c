/*
 * HDF5 files (hdf5.h): superblock, object headers, groups, tensors.
 *
 * An object is a header: a list of messages, in blocks. A group's messages say where its names are; a tensor's say shape (dataspace), type (datatype) and place (layout).
 *
 *   group, old form    symbol table message → B-tree of names (TREE) → leaves (SNOD) of (name in a local heap, object)
 *   group, new form    a link message each
 */
#include "io/hdf5.h"

#include <math.h>
#include <string.h>

#define NOWHERE UINT64_MAX /* the format's undefined address */
enum { MOST_BLOCKS = 64, MOST_MESSAGES = 4096, MOST_NODES = 1 << 16, MOST_DEPTH = 16 };

/* Messages (IV.A.2). */
enum {
    DATASPACE = 0x01,
    LINK_INFO = 0x02,
    DATATYPE = 0x03,
    LINK = 0x06,
    LAYOUT = 0x08,
    FILTERS = 0x0b,
    ATTRIBUTE = 0x0c,
    CONTINUATION = 0x10,
    SYMBOL_TABLE = 0x11
};

static merx_status damaged(const mx_hdf5 *f, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, f->name, "this is no HDF5 file, or a damaged one: %s", what);
}

static merx_status unsupported(const mx_hdf5 *f, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_UNSUPPORTED, f->name, "%s; merx reads HDF5 as h5py writes it by default", what);
}

/* ---- bytes ---- */

/* A part of the file that is read from front to back; what is not there reads as 0 and is remembered. */
typedef struct part {
    const unsigned char *at;
    size_t left;
    bool bad;
} part;

static uint64_t take(part *p, size_t bytes)
{
    uint64_t value = 0;
    if (bytes > p->left) {
        p->bad = true;
        p->left = 0;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)p->at[i] << (8 * i);
    p->at += bytes;
    p->left -= bytes;
    return value;
}

static const unsigned char *take_bytes(part *p, size_t size)
{
    const unsigned char *at = p->at;
    if (size > p->left) {
        p->bad = true;
        p->left = 0;
        return NULL;
    }
    p->at += size;
    p->left -= size;
    return at;
}

static bool take_word(part *p, const char *word)
{
    const unsigned char *at = take_bytes(p, 4);
    return at != NULL && memcmp(at, word, 4) == 0;
}

/* From an address of the file to its end, or `size` bytes of it. */
static part part_at(const mx_hdf5 *f, uint64_t address, uint64_t size)
{
    uint64_t at;
    if (address == NOWHERE || __builtin_add_overflow(f->base, address, &at) || at > f->size ||
        (size != NOWHERE && size > f->size - at))
        return (part){f->data, 0, true};
    return (part){f->data + at, size == NOWHERE ? f->size - (size_t)at : (size_t)size, false};
}

/* ---- the file ---- */

merx_status mx_hdf5_open(const void *data, size_t size, const char *name, mx_hdf5 *out, merx_error *err)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    *out = (mx_hdf5){.data = data, .size = size, .name = name};
    uint64_t at = 0;
    while (at < size && size - at >= 8 && memcmp(out->data + at, signature, 8) != 0)
        at = at == 0 ? 512 : at * 2; /* behind a user block (II.A) */
    if (at >= size || size - at < 8)
        return damaged(out, "it does not begin as one", err);
    part p = part_at(out, at + 8, NOWHERE);
    uint64_t version = take(&p, 1), offsets, lengths;
    if (version <= 1) {
        (void)take(&p, 4);
        offsets = take(&p, 1);
        lengths = take(&p, 1);
        (void)take(&p, 1 + 4);
        (void)take(&p, version == 1 ? 8 : 4);
        out->base = take(&p, 8);
        (void)take_bytes(&p, 3 * 8 + 8);
    } else {
        offsets = take(&p, 1);
        lengths = take(&p, 1);
        (void)take(&p, 1);
        out->base = take(&p, 8);
        (void)take_bytes(&p, 2 * 8);
    }
    out->root = take(&p, 8);
    if (p.bad || version > 3)
        return damaged(out, "its first block", err);
    if (offsets != 8 || lengths != 8)
        return unsupported(out, "its addresses are not of 8 bytes", err);
    return MERX_OK;
}

/* ---- object headers (IV.A.1) ---- */

typedef struct message {
    uint64_t type, flags;
    part body;
} message;
/* A walk over the messages of an object. */
typedef struct walk {
    const mx_hdf5 *file;
    part block, next[MOST_BLOCKS]; /* the one that is read, and those to come */
    size_t waiting, blocks, messages;
    bool second; /* version 2 */
    uint64_t flags;
} walk;

static merx_status begin_walk(const mx_hdf5 *f, uint64_t object, walk *w, merx_error *err)
{
    part p = part_at(f, object, NOWHERE);
    *w = (walk){.file = f, .blocks = 1};
    if (p.left >= 4 && memcmp(p.at, "OHDR", 4) == 0) {
        w->second = true;
        (void)take(&p, 4);
        if (take(&p, 1) != 2)
            return damaged(f, "a header", err);
        w->flags = take(&p, 1);
        (void)take_bytes(&p, (w->flags & 32 ? 16 : 0) + (w->flags & 16 ? 4 : 0));
        uint64_t size = take(&p, (size_t)1 << (w->flags & 3));
        if (p.bad || size > p.left)
            return damaged(f, "a header", err);
        w->block = (part){p.at, (size_t)size, false};
        return MERX_OK;
    }
    uint64_t version = take(&p, 1);
    (void)take(&p, 1 + 2 + 4);
    uint64_t size = take(&p, 4);
    (void)take(&p, 4);
    if (p.bad || version != 1 || size > p.left)
        return damaged(f, "a header", err);
    w->block = (part){p.at, (size_t)size, false};
    return MERX_OK;
}

static merx_status follow(walk *w, part body, merx_error *err)
{
    uint64_t address = take(&body, 8), size = take(&body, 8);
    part block = part_at(w->file, address, size);
    if (w->second) { /* OCHK, messages, a checksum */
        if (!take_word(&block, "OCHK") || block.left < 4)
            return damaged(w->file, "the continuation of a header", err);
        block.left -= 4;
    }
    if (body.bad || block.bad || ++w->blocks > MOST_BLOCKS)
        return damaged(w->file, "the continuation of a header", err);
    w->next[w->waiting++] = block;
    return MERX_OK;
}

/* The next message; m->type 0 (an empty one) with an empty body and *more false at the end. */
static merx_status next_message(walk *w, message *m, bool *more, merx_error *err)
{
    size_t least = w->second ? 4 + (w->flags & 4 ? 2 : 0) : 8;
    for (;;) {
        *more = false;
        *m = (message){0};
        while (w->block.left < least && w->waiting > 0)
            w->block = w->next[--w->waiting];
        if (w->block.left < least)
            return MERX_OK;
        if (++w->messages > MOST_MESSAGES)
            return damaged(w->file, "a header without an end", err);
        m->type = take(&w->block, w->second ? 1 : 2);
        uint64_t size = take(&w->block, 2);
        m->flags = take(&w->block, 1);
        (void)take_bytes(&w->block, w->second ? (w->flags & 4 ? 2 : 0) : 3);
        const unsigned char *body = take_bytes(&w->block, (size_t)size);
        if (body == NULL)
            return damaged(w->file, "a message of a header", err);
        m->body = (part){body, (size_t)size, false};
        *more = true;
        if (m->type != CONTINUATION)
            return MERX_OK;
        MX_TRY(follow(w, m->body, err));
    }
}

/* ---- groups ---- */

typedef struct listing {
    const mx_hdf5 *file;
    mx_hdf5_visit visit;
    void *context;
    part heap; /* names of an old group */
    size_t nodes, links;
} listing;

static merx_status give_link(listing *l, mx_str name, uint64_t object, merx_error *err)
{
    if (++l->links > MX_HDF5_MOST_LINKS)
        MX_FAIL(err, MERX_E_LIMIT, l->file->name, "a group has more than %d members", MX_HDF5_MOST_LINKS);
    if (name.size == 0 || memchr(name.data, '\0', name.size) != NULL || !mx_utf8_valid(name, NULL))
        return damaged(l->file, "a name", err);
    return l->visit(l->context, name, object, err);
}

/* A leaf of the tree: entries of 40 bytes (III.B, III.C). */
static merx_status list_leaf(listing *l, uint64_t address, merx_error *err)
{
    part p = part_at(l->file, address, NOWHERE);
    if (++l->nodes > MOST_NODES || !take_word(&p, "SNOD") || take(&p, 1) != 1)
        return damaged(l->file, "the names of a group", err);
    (void)take(&p, 1);
    for (uint64_t n = take(&p, 2); n > 0; n--) {
        uint64_t name = take(&p, 8), object = take(&p, 8), cached = take(&p, 4);
        (void)take_bytes(&p, 4 + 16);
        if (p.bad || name >= l->heap.left)
            return damaged(l->file, "the names of a group", err);
        const char *text = (const char *)l->heap.at + name;
        size_t most = l->heap.left - (size_t)name, size = strnlen(text, most);
        if (size == most)
            return damaged(l->file, "the names of a group", err);
        if (cached == 2)
            return unsupported(l->file, "a link in it leads elsewhere", err);
        MX_TRY(give_link(l, (mx_str){text, size}, object, err));
    }
    return MERX_OK;
}

/* Nodes of a tree (III.A.1); depth: how many levels may be below. */
static merx_status list_tree(listing *l, uint64_t address, int depth, merx_error *err)
{
    part p = part_at(l->file, address, NOWHERE);
    if (++l->nodes > MOST_NODES || depth < 0 || !take_word(&p, "TREE") || take(&p, 1) != 0)
        return damaged(l->file, "the tree of a group", err);
    uint64_t level = take(&p, 1), n = take(&p, 2);
    (void)take_bytes(&p, 16);
    for (; n > 0; n--) {
        (void)take(&p, 8); /* key */
        uint64_t child = take(&p, 8);
        if (p.bad)
            return damaged(l->file, "the tree of a group", err);
        if (level == 0)
            MX_TRY(list_leaf(l, child, err));
        else
            MX_TRY(list_tree(l, child, depth - 1, err));
    }
    return MERX_OK;
}

static merx_status list_table(listing *l, part body, merx_error *err)
{
    uint64_t tree = take(&body, 8), heap = take(&body, 8);
    part p = part_at(l->file, heap, NOWHERE);
    if (body.bad || !take_word(&p, "HEAP") || take(&p, 1) != 0)
        return damaged(l->file, "the names of a group", err);
    (void)take(&p, 3);
    uint64_t size = take(&p, 8);
    (void)take(&p, 8);
    uint64_t names = take(&p, 8);
    l->heap = part_at(l->file, names, size);
    if (p.bad || l->heap.bad)
        return damaged(l->file, "the names of a group", err);
    return list_tree(l, tree, MOST_DEPTH, err);
}

/* A link message (IV.A.2.g). */
static merx_status list_link(listing *l, part p, merx_error *err)
{
    uint64_t version = take(&p, 1), flags = take(&p, 1), kind = flags & 8 ? take(&p, 1) : 0;
    (void)take_bytes(&p, (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0));
    uint64_t size = take(&p, (size_t)1 << (flags & 3));
    const unsigned char *name = size <= p.left ? take_bytes(&p, (size_t)size) : NULL;
    if (version != 1 || name == NULL)
        return damaged(l->file, "a link", err);
    if (kind != 0)
        return unsupported(l->file, "a link in it leads elsewhere", err);
    uint64_t object = take(&p, 8);
    if (p.bad)
        return damaged(l->file, "a link", err);
    return give_link(l, (mx_str){(const char *)name, (size_t)size}, object, err);
}

merx_status mx_hdf5_links(const mx_hdf5 *file, uint64_t group, mx_hdf5_visit visit, void *context, merx_error *err)
{
    listing l = {.file = file, .visit = visit, .context = context};
    walk w;
    message m;
    bool more;
    MX_TRY(begin_walk(file, group, &w, err));
    for (;;) {
        MX_TRY(next_message(&w, &m, &more, err));
        if (!more)
            return MERX_OK;
        if (m.type == SYMBOL_TABLE)
            MX_TRY(list_table(&l, m.body, err));
        else if (m.type == LINK)
            MX_TRY(list_link(&l, m.body, err));
        else if (m.type == LINK_INFO) {
            (void)take(&m.body, 1);
            uint64_t flags = take(&m.body, 1);
            (void)take_bytes(&m.body, flags & 1 ? 8 : 0);
            if (take(&m.body, 8) != NOWHERE && !m.body.bad)
                return unsupported(file, "a group keeps its names in a heap (libver=\"latest\")", err);
        }
    }
}

typedef struct search {
    mx_str name;
    uint64_t object;
    bool found;
} search;

static merx_status match(void *context, mx_str link, uint64_t object, merx_error *err)
{
    (void)err;
    search *s = context;
    if (!s->found && mx_str_equal(link, s->name)) {
        s->object = object;
        s->found = true;
    }
    return MERX_OK;
}

merx_status mx_hdf5_find(const mx_hdf5 *file, uint64_t group, const char *path, uint64_t *object, bool *found,
                         merx_error *err)
{
    *object = group;
    *found = true;
    while (*path != '\0' && *found) {
        size_t size = strcspn(path, "/");
        search s = {.name = {path, size}};
        MX_TRY(mx_hdf5_links(file, *object, match, &s, err));
        *object = s.object;
        *found = s.found;
        path += size + (path[size] == '/');
    }
    return MERX_OK;
}

/* ---- tensors ---- */

static bool read_shape(part p, mx_hdf5_tensor *t)
{
    uint64_t version = take(&p, 1), rank = take(&p, 1), flags = take(&p, 1), kind = take(&p, 1);
    (void)flags;
    if (version == 1)
        (void)take(&p, 4);
    if ((version != 1 && version != 2) || rank > MX_HDF5_DIMS || (version == 2 && kind > 1))
        return false;
    t->rank = (size_t)rank;
    t->count = 1;
    for (size_t i = 0; i < t->rank; i++) {
        uint64_t dim = take(&p, 8);
        if (dim > SIZE_MAX / 2 || !mx_mul_size(t->count, (size_t)dim, &t->count))
            return false;
        t->dim[i] = (size_t)dim;
    }
    return !p.bad;
}

/* Sign, exponent and mantissa of IEEE 754's three. */
static bool is_ieee(part p, size_t bytes)
{
    static const uint8_t exponents[] = {[2] = 5, [4] = 8, [8] = 11};
    static const uint16_t biases[] = {[2] = 15, [4] = 127, [8] = 1023};
    if (bytes != 2 && bytes != 4 && bytes != 8)
        return false;
    unsigned bits = (unsigned)bytes * 8, mantissa = bits - exponents[bytes] - 1u;
    return take(&p, 2) == 0 && take(&p, 2) == bits && take(&p, 1) == mantissa && take(&p, 1) == exponents[bytes] &&
           take(&p, 1) == 0 && take(&p, 1) == mantissa && take(&p, 4) == biases[bytes] && !p.bad;
}

static bool read_type(part p, mx_hdf5_tensor *t)
{
    uint64_t kind = take(&p, 1) & 15, bits = take(&p, 3), bytes = take(&p, 4);
    t->type = MX_HDF5_OTHER;
    if (p.bad || bytes == 0 || bytes > 1 << 16)
        return false;
    t->bytes = (size_t)bytes;
    if (kind == 0 && (bits & 1) == 0 && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8))
        t->type = bits & 8 ? MX_HDF5_SIGNED : MX_HDF5_UNSIGNED;
    if (kind == 1 && (bits & 0x41) == 0 && (bits >> 8 & 255) == 8 * bytes - 1 && is_ieee(p, t->bytes))
        t->type = MX_HDF5_FLOAT;
    return true;
}

/* Layouts 3 and 4 have whole tensors alike (IV.A.2.i). */
static merx_status read_place(const mx_hdf5 *f, part p, const char *what, mx_hdf5_tensor *t, uint64_t *size,
                              merx_error *err)
{
    uint64_t version = take(&p, 1), kind = take(&p, 1), address;
    if (p.bad || version < 1 || version > 4)
        return damaged(f, "where a tensor lies", err);
    if (version < 3 || kind > 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->name,
                "%.120s is stored in chunks or in an old way; merx reads whole tensors", what);
    if (kind == 0) {
        *size = take(&p, 2);
        t->data = take_bytes(&p, (size_t)*size);
        return t->data != NULL ? MERX_OK : damaged(f, "where a tensor lies", err);
    }
    address = take(&p, 8);
    *size = take(&p, 8);
    if (address == NOWHERE && !p.bad) { /* no number was ever written */
        t->data = NULL;
        *size = 0;
        return MERX_OK;
    }
    part bytes = part_at(f, address, *size);
    if (p.bad || bytes.bad)
        MX_FAIL(err, MERX_E_CORRUPT, f->name,
                "%.120s lies beyond the end of the file: the file is cut short or damaged", what);
    t->data = bytes.at;
    return MERX_OK;
}

merx_status mx_hdf5_tensor_of(const mx_hdf5 *file, uint64_t object, const char *what, mx_hdf5_tensor *out,
                              merx_error *err)
{
    bool shape = false, type = false, place = false, more;
    uint64_t size = 0;
    walk w;
    message m;
    *out = (mx_hdf5_tensor){0};
    MX_TRY(begin_walk(file, object, &w, err));
    for (;;) {
        MX_TRY(next_message(&w, &m, &more, err));
        if (!more)
            break;
        if ((m.type == DATASPACE || m.type == DATATYPE) && (m.flags & 2) != 0)
            MX_FAIL(err, MERX_E_UNSUPPORTED, file->name, "%.120s has a type of a name of its own", what);
        if (m.type == DATASPACE && !(shape = read_shape(m.body, out)))
            return damaged(file, "the shape of a tensor", err);
        if (m.type == DATATYPE && !(type = read_type(m.body, out)))
            return damaged(file, "the type of a tensor", err);
        if (m.type == FILTERS)
            MX_FAIL(err, MERX_E_UNSUPPORTED, file->name, "%.120s is compressed; merx reads whole tensors", what);
        if (m.type == LAYOUT) {
            MX_TRY(read_place(file, m.body, what, out, &size, err));
            place = true;
        }
    }
    if (!shape || !type || !place)
        MX_FAIL(err, MERX_E_TYPE, file->name, "%.120s is no tensor", what);
    size_t need;
    if (!mx_mul_size(out->count, out->bytes, &need) || need > size)
        MX_FAIL(err, MERX_E_CORRUPT, file->name, "%.120s has %llu bytes; its shape needs more", what,
                (unsigned long long)size);
    return MERX_OK;
}

static double half(uint64_t bits)
{
    double sign = bits >> 15 ? -1 : 1, mantissa = (double)(bits & 1023);
    int exponent = (int)(bits >> 10 & 31);
    if (exponent == 31)
        return mantissa > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

double mx_hdf5_number(const mx_hdf5_tensor *t, size_t i)
{
    part p = {t->data + i * t->bytes, t->bytes, false};
    uint64_t bits = take(&p, t->bytes < 8 ? t->bytes : 8);
    uint32_t low = (uint32_t)bits;
    float single;
    double full;
    switch (t->type) {
    case MX_HDF5_FLOAT:
        if (t->bytes == 2)
            return half(bits);
        memcpy(&single, &low, sizeof single);
        memcpy(&full, &bits, sizeof full);
        return t->bytes == 4 ? (double)single : full;
    case MX_HDF5_SIGNED:
        if (t->bytes < 8 && bits >> (8 * t->bytes - 1) != 0)
            bits |= UINT64_MAX << (8 * t->bytes);
        return (double)(int64_t)bits;
    case MX_HDF5_UNSIGNED:
        return (double)bits;
    default:
        return (double)NAN;
    }
}

/* ---- attributes (IV.A.2.m) ---- */

/* Text in the global heap (III.E): object `index` of the collection. */
static mx_str heap_text(const mx_hdf5 *f, uint64_t address, uint64_t index, uint64_t size)
{
    part p = part_at(f, address, NOWHERE);
    if (!take_word(&p, "GCOL") || take(&p, 1) != 1)
        return (mx_str){0};
    (void)take(&p, 3);
    uint64_t all = take(&p, 8);
    if (p.bad || all < 16 || all - 16 > p.left)
        return (mx_str){0};
    p.left = (size_t)all - 16;
    while (p.left >= 16) {
        uint64_t number = take(&p, 2);
        (void)take(&p, 2 + 4);
        uint64_t bytes = take(&p, 8);
        if (number == 0 || bytes > p.left)
            break;
        if (number == index)
            return size <= bytes ? (mx_str){(const char *)p.at, (size_t)size} : (mx_str){0};
        (void)take_bytes(&p, (size_t)bytes + (8 - bytes % 8) % 8);
    }
    return (mx_str){0};
}

static mx_str read_text(const mx_hdf5 *f, part type, part data)
{
    uint64_t kind = take(&type, 1) & 15, bits = take(&type, 3), size = take(&type, 4);
    if (type.bad)
        return (mx_str){0};
    if (kind == 3 && size <= data.left) /* of a fixed size, filled up with zeros */
        return (mx_str){(const char *)data.at, strnlen((const char *)data.at, (size_t)size)};
    if (kind == 9 && (bits & 15) == 1) {
        uint64_t length = take(&data, 4), heap = take(&data, 8), index = take(&data, 4);
        return data.bad ? (mx_str){0} : heap_text(f, heap, index, length);
    }
    return (mx_str){0};
}

/* Whether the attribute has that name; its text then. */
static bool attribute_is(const mx_hdf5 *f, part p, const char *wanted, mx_str *text)
{
    uint64_t version = take(&p, 1), flags = take(&p, 1), name = take(&p, 2), type = take(&p, 2), space = take(&p, 2);
    uint64_t fill = version == 1 ? 7 : 0;
    if (version < 1 || version > 3)
        return false;
    if (version == 3)
        (void)take(&p, 1);
    const unsigned char *name_at = take_bytes(&p, (size_t)((name + fill) & ~fill)),
                        *type_at = take_bytes(&p, (size_t)((type + fill) & ~fill));
    (void)take_bytes(&p, (size_t)((space + fill) & ~fill));
    if (p.bad || name_at == NULL || type_at == NULL || name == 0)
        return false;
    size_t length = strnlen((const char *)name_at, (size_t)name);
    if (length != strlen(wanted) || memcmp(name_at, wanted, length) != 0)
        return false;
    *text = version > 1 && (flags & 1) != 0 ? (mx_str){0} : read_text(f, (part){type_at, (size_t)type, false}, p);
    if (text->size > 0 && (memchr(text->data, '\0', text->size) != NULL || !mx_utf8_valid(*text, NULL)))
        *text = (mx_str){0};
    return true;
}

merx_status mx_hdf5_text(const mx_hdf5 *file, uint64_t object, const char *attribute, mx_str *out, merx_error *err)
{
    walk w;
    message m;
    bool more;
    *out = (mx_str){0};
    MX_TRY(begin_walk(file, object, &w, err));
    for (;;) {
        MX_TRY(next_message(&w, &m, &more, err));
        if (!more || (m.type == ATTRIBUTE && (m.flags & 2) == 0 && attribute_is(file, m.body, attribute, out)))
            return MERX_OK;
    }
}
