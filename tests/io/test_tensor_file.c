/*
 * Tensor files: round trip, layout, the file of Python's safetensors, damage of every kind.
 *
 * With an argument it writes a file there and ends: test_safetensors.sh opens it with Python.
 */
#include "base/str.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "support/check.h"

static const float weights[6] = {0.5f, -1.25f, 3.0f, 1e-8f, 2.0f, -0.0f};
static const double bias[3] = {1.5, -2.5, 1e300};
static const int64_t ids[2] = {INT64_MIN, 9007199254740993};
static const int32_t codes[5] = {1, 2, 3, -4, INT32_MAX};
static const int8_t small[3] = {-128, 0, 127};
static const uint8_t flags[1] = {255};

static merx_status fill(mx_tensor_writer *w, merx_error *err)
{
    const uint64_t cube[3] = {1, 5, 1}, nothing[2] = {0, 4};
    const mx_str words[4] = {MX_STR("tea"), MX_STR(""), MX_STR("茶"), MX_STR("a\"b\n")};
    MX_TRY(mx_tensor_writer_meta(w, "name", "a \"quoted\" 名\n", err));
    MX_TRY(mx_tensor_writer_meta(w, "empty", "", err));
    MX_TRY(mx_tensor_writer_vector(w, "flags", MX_U8, 1, flags, err));
    MX_TRY(mx_tensor_writer_matrix(w, "weights", MX_F32, 2, 3, weights, err));
    MX_TRY(mx_tensor_writer_vector(w, "bias", MX_F64, 3, bias, err));
    MX_TRY(mx_tensor_writer_vector(w, "ids", MX_I64, 2, ids, err));
    MX_TRY(mx_tensor_writer_add(w, "codes", MX_I32, 3, cube, codes, err));
    MX_TRY(mx_tensor_writer_add(w, "nothing", MX_F64, 2, nothing, NULL, err));
    MX_TRY(mx_tensor_writer_add(w, "scalar", MX_F64, 0, NULL, bias, err));
    MX_TRY(mx_tensor_writer_vector(w, "small", MX_I8, 3, small, err));
    MX_TRY(mx_tensor_writer_strings(w, "words", words, 4, err));
    return mx_tensor_writer_strings(w, "no words", NULL, 0, err);
}

static merx_status make(const merx_allocator *alloc, unsigned char **data, size_t *size, merx_error *err)
{
    mx_tensor_writer *w;
    MX_TRY(mx_tensor_writer_new(alloc, &w, err));
    merx_status status = fill(w, err);
    if (status == MERX_OK)
        status = mx_tensor_writer_bytes(w, data, size, err);
    mx_tensor_writer_free(w);
    return status;
}

static void check_contents(const mx_tensor_file *f)
{
    merx_error err = {0};
    const mx_tensor *t;
    const void *any;
    uint64_t n;
    const uint64_t shape[2] = {2, 0}, cube[3] = {1, 5, 1};
    assert_int_equal(mx_tensor_file_count(f), 12);
    assert_string_equal(mx_tensor_file_at(f, 0)->name, "flags");
    assert_string_equal(mx_tensor_file_meta(f, "name"), "a \"quoted\" 名\n");
    assert_string_equal(mx_tensor_file_meta(f, "empty"), "");
    assert_string_equal(mx_tensor_file_meta(f, "merx_format"), "1");
    assert_null(mx_tensor_file_meta(f, "absent"));
    check_ok(mx_tensor_file_get(f, "weights", MX_F32, 2, shape, &t, &err), err);
    assert_int_equal(t->shape[1], 3);
    assert_memory_equal(t->data, weights, sizeof weights);
    check_ok(mx_tensor_file_get(f, "codes", MX_I32, 3, cube, &t, &err), err);
    assert_memory_equal(t->data, codes, sizeof codes);
    check_ok(mx_tensor_file_get(f, "scalar", MX_F64, 0, NULL, &t, &err), err);
    assert_memory_equal(t->data, bias, 8);
    check_ok(mx_tensor_file_get(f, "nothing", MX_F64, -1, NULL, &t, &err), err);
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->size_bytes, 0);
    check_ok(mx_tensor_file_vector(f, "bias", MX_F64, 3, &any, NULL, &err), err);
    assert_memory_equal(any, bias, sizeof bias);
    check_ok(mx_tensor_file_vector(f, "ids", MX_I64, 0, &any, &n, &err), err);
    assert_int_equal(n, 2);
    assert_memory_equal(any, ids, sizeof ids);
    check_ok(mx_tensor_file_vector(f, "small", MX_I8, 3, &any, NULL, &err), err);
    assert_memory_equal(any, small, sizeof small);
    check_ok(mx_tensor_file_vector(f, "flags", MX_U8, 1, &any, NULL, &err), err);
    assert_memory_equal(any, flags, 1);
    for (size_t i = 0; i < mx_tensor_file_count(f); i++) {
        t = mx_tensor_file_at(f, i);
        if (t->size_bytes > 0)
            assert_int_equal((uintptr_t)t->data % 64, 0);
    }

    mx_arena arena;
    mx_str *words;
    size_t count;
    mx_arena_init(&arena, mx_allocator_or_default(NULL));
    check_ok(mx_tensor_file_strings(f, "words", &arena, &words, &count, &err), err);
    assert_int_equal(count, 4);
    assert_true(mx_str_equal(words[0], MX_STR("tea")) && words[1].size == 0 && mx_str_equal(words[2], MX_STR("茶")) &&
                mx_str_equal(words[3], MX_STR("a\"b\n")));
    check_ok(mx_tensor_file_strings(f, "no words", &arena, &words, &count, &err), err);
    assert_int_equal(count, 0);
    mx_arena_release(&arena);

    /* What is not there, or is other than expected. */
    check_fails(mx_tensor_file_get(f, "absent", MX_F32, -1, NULL, &t, &err), MERX_E_CORRUPT, err);
    check_fails(mx_tensor_file_get(f, "weights", MX_F64, -1, NULL, &t, &err), MERX_E_CORRUPT, err);
    check_fails(mx_tensor_file_get(f, "weights", MX_F32, 3, cube, &t, &err), MERX_E_CORRUPT, err);
    const uint64_t other[2] = {2, 4};
    check_fails(mx_tensor_file_get(f, "weights", MX_F32, 2, other, &t, &err), MERX_E_CORRUPT, err);
    check_fails(mx_tensor_file_vector(f, "bias", MX_F64, 4, &any, NULL, &err), MERX_E_CORRUPT, err);
    check_fails(mx_tensor_file_get(f, "_pad.0", MX_U8, -1, NULL, &t, &err), MERX_E_CORRUPT, err);
}

static void test_round_trip(void **state)
{
    (void)state;
    merx_error err = {0};
    unsigned char *data, *again;
    size_t size, size2;
    mx_tensor_file *f;
    check_ok(make(NULL, &data, &size, &err), err);
    check_ok(mx_tensor_file_memory(data, size, "memory", NULL, true, &f, &err), err);
    assert_string_equal(mx_tensor_file_name(f), "memory");
    check_contents(f);
    mx_tensor_file_close(f);

    /* The same bytes each time, in memory and on disk. */
    char folder[256], path[512];
    check_ok(make(NULL, &again, &size2, &err), err);
    assert_int_equal(size2, size);
    assert_memory_equal(again, data, size);
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/model", folder);
    mx_tensor_writer *w;
    check_ok(mx_tensor_writer_new(NULL, &w, &err), err);
    check_ok(fill(w, &err), err);
    check_ok(mx_tensor_writer_save(w, path, &err), err);
    mx_tensor_writer_free(w);
    size_t size3;
    char *saved = check_read_file(path, &size3);
    assert_int_equal(size3, size);
    assert_memory_equal(saved, data, size);
    check_ok(mx_tensor_file_open(path, NULL, true, &f, &err), err);
    check_contents(f);
    mx_tensor_file_close(f);
    check_fails(mx_tensor_file_open(folder, NULL, true, &f, &err), MERX_E_INVALID, err);
    assert_null(f);
    check_remove_folder(folder);
    check_fails(mx_tensor_file_open(path, NULL, true, &f, &err), MERX_E_NOT_FOUND, err);
    free(saved);
    mx_free_array(NULL, data, size, 1);
    mx_free_array(NULL, again, size, 1);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_tensor_writer *w;
    const uint64_t huge[2] = {UINT64_MAX, 2}, one[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    check_ok(mx_tensor_writer_new(NULL, &w, &err), err);
    check_ok(mx_tensor_writer_meta(w, "k", "v", &err), err);
    check_fails(mx_tensor_writer_meta(w, "k", "v", &err), MERX_E_EXISTS, err);
    check_fails(mx_tensor_writer_meta(w, "checksum", "v", &err), MERX_E_EXISTS, err);
    check_fails(mx_tensor_writer_meta(w, "u", "\xff", &err), MERX_E_INVALID, err);
    check_ok(mx_tensor_writer_vector(w, "t", MX_U8, 1, flags, &err), err);
    check_fails(mx_tensor_writer_vector(w, "t", MX_U8, 1, flags, &err), MERX_E_EXISTS, err);
    check_fails(mx_tensor_writer_vector(w, "", MX_U8, 1, flags, &err), MERX_E_INVALID, err);
    check_fails(mx_tensor_writer_vector(w, "_pad.7", MX_U8, 1, flags, &err), MERX_E_INVALID, err);
    check_fails(mx_tensor_writer_vector(w, "__metadata__", MX_U8, 1, flags, &err), MERX_E_INVALID, err);
    check_fails(mx_tensor_writer_add(w, "h", MX_U8, 2, huge, flags, &err), MERX_E_LIMIT, err);
    check_fails(mx_tensor_writer_add(w, "n", MX_U8, 9, one, flags, &err), MERX_E_INVALID, err);
    check_fails(mx_tensor_writer_save(w, "/no/such/folder/model", &err), MERX_E_NOT_FOUND, err);
    mx_tensor_writer_free(w);
    mx_tensor_writer_free(NULL);
    mx_tensor_file_close(NULL);
}

/* Cut at each length, and bits of each byte changed: an error, never a crash; verify leaves no change of the data unseen. */
static void test_damage(void **state)
{
    (void)state;
    merx_error err = {0};
    unsigned char *data;
    size_t size;
    mx_tensor_file *f;
    check_ok(make(NULL, &data, &size, &err), err);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = NULL;
        assert_int_equal(posix_memalign((void **)&part, 64, cut + 1), 0);
        memcpy(part, data, cut);
        check_fails(mx_tensor_file_memory(part, cut, "cut", NULL, false, &f, &err), MERX_E_CORRUPT, err);
        assert_null(f);
        free(part);
    }
    uint64_t header = 0;
    memcpy(&header, data, 8);
    for (size_t i = 0; i < size; i++)
        for (int bit = (int)(i % 4); bit < 8; bit += 4) {
            data[i] ^= (unsigned char)(1 << bit);
            merx_status status = mx_tensor_file_memory(data, size, "flipped", NULL, true, &f, &err);
            if (status == MERX_OK && i >= 8 + header)
                check_die(__FILE__, __LINE__, "byte %zu, bit %d: not seen", i, bit);
            mx_tensor_file_close(f);
            merx_error_clear(&err);
            data[i] ^= (unsigned char)(1 << bit);
        }
    mx_free_array(NULL, data, size, 1);
}

/* A header by hand, with `size` zero bytes of data. */
static merx_status open_header(const char *header, size_t size, bool verify, merx_error *err)
{
    static _Alignas(64) unsigned char bytes[4096];
    memset(bytes, 0, sizeof bytes);
    size_t header_size = strlen(header), padded = (header_size + 8 + 63) / 64 * 64 - 8;
    memset(bytes + 8, ' ', padded);
    memcpy(bytes + 8, header, header_size);
    bytes[0] = (unsigned char)padded;
    bytes[1] = (unsigned char)(padded >> 8);
    mx_tensor_file *f;
    merx_status status = mx_tensor_file_memory(bytes, 8 + padded + size, "by hand", NULL, verify, &f, err);
    mx_tensor_file_close(f);
    return status;
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t size;
        merx_status code;
    } cases[] = {
        {"{}", 0, MERX_OK},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, MERX_OK},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, MERX_OK},
        {"{\"__metadata__\":{\"merx_format\":\"2\"},\"a\":{\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
         MERX_E_VERSION},
        {"{\"__metadata__\":{\"merx_format\":\"x\"}}", 0, MERX_E_CORRUPT},
        {"{\"__metadata__\":{\"merx_format\":\"0\"}}", 0, MERX_E_CORRUPT},
        {"{\"__metadata__\":{\"k\":1}}", 0, MERX_E_CORRUPT},
        {"{\"__metadata__\":[]}", 0, MERX_E_CORRUPT},
        {"[]", 0, MERX_E_CORRUPT},
        {"{", 0, MERX_E_CORRUPT},
        {"", 0, MERX_E_CORRUPT},
        {"{}", 1, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, MERX_E_UNSUPPORTED},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, MERX_E_UNSUPPORTED},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],\"data_offsets\":[0,16]}}", 16, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
         "offsets\":[8,12]}}",
         12, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
         "offsets\":[2,6]}}",
         6, MERX_E_CORRUPT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
         "offsets\":[4,8]}}",
         8, MERX_E_CORRUPT},
        {"{\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[0,1]}}",
         9, MERX_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        merx_status status = open_header(cases[i].header, cases[i].size, false, &err);
        if (status != cases[i].code)
            check_die(__FILE__, __LINE__, "%s with %zu bytes gave %s: %s", cases[i].header, cases[i].size,
                      merx_status_name(status), err.message);
    }
    merx_error err = {0};
    check_fails(open_header("{}", 0, true, &err), MERX_E_CORRUPT, err); /* nothing to verify against */
}

/* Offsets that lie. */
static void test_strings_damage(void **state)
{
    (void)state;
    static const struct {
        int64_t offsets[3];
        uint64_t n;
    } cases[] = {{{0, 5, 4}, 3}, {{1, 2, 4}, 3}, {{0, 2, 3}, 3}, {{0, 2, 5}, 3}, {{0, -1, 4}, 3}, {{0}, 0}, {{4}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        mx_tensor_writer *w;
        mx_tensor_file *f;
        unsigned char *data;
        size_t size, n;
        mx_arena arena;
        mx_str *strings;
        check_ok(mx_tensor_writer_new(NULL, &w, &err), err);
        check_ok(mx_tensor_writer_vector(w, "s.offsets", MX_I64, cases[i].n, cases[i].offsets, &err), err);
        check_ok(mx_tensor_writer_vector(w, "s.bytes", MX_U8, 4, "abcd", &err), err);
        check_ok(mx_tensor_writer_bytes(w, &data, &size, &err), err);
        check_ok(mx_tensor_file_memory(data, size, "s", NULL, true, &f, &err), err);
        mx_arena_init(&arena, mx_allocator_or_default(NULL));
        check_fails(mx_tensor_file_strings(f, "s", &arena, &strings, &n, &err), MERX_E_CORRUPT, err);
        mx_arena_release(&arena);
        mx_tensor_file_close(f);
        mx_free_array(NULL, data, size, 1);
        mx_tensor_writer_free(w);
    }
}

/* ---- a file of Python's safetensors ---- */

static double element(const mx_tensor *t, size_t i)
{
    switch (t->dtype) {
    case MX_U8:
        return ((const uint8_t *)t->data)[i];
    case MX_I8:
        return ((const int8_t *)t->data)[i];
    case MX_I32:
        return ((const int32_t *)t->data)[i];
    case MX_I64:
        return (double)((const int64_t *)t->data)[i];
    case MX_F32:
        return (double)((const float *)t->data)[i];
    default:
        return ((const double *)t->data)[i];
    }
}

static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *numpy;
        mx_dtype dtype;
    } types[] = {{"float32", MX_F32}, {"float64", MX_F64}, {"int64", MX_I64},
                 {"int32", MX_I32},   {"uint8", MX_U8},    {"int8", MX_I8}};
    json_t *golden = check_golden("safetensors");
    const char *hex = json_string_value(check_member(golden, "file_hex"));
    size_t size = strlen(hex) / 2;
    unsigned char *data = NULL;
    assert_int_equal(posix_memalign((void **)&data, 64, size), 0);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        data[i] = (unsigned char)byte;
    }
    merx_error err = {0};
    mx_tensor_file *f;
    const char *name;
    json_t *value;
    check_ok(mx_tensor_file_memory(data, size, "golden", NULL, false, &f, &err), err);
    json_object_foreach(check_member(golden, "metadata"), name, value)
        assert_string_equal(mx_tensor_file_meta(f, name), json_string_value(value));
    json_t *tensors = check_member(golden, "tensors");
    assert_int_equal(mx_tensor_file_count(f), json_object_size(tensors));
    size_t seen = 0;
    json_object_foreach(tensors, name, value)
    {
        mx_dtype dtype = MX_DTYPES;
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (strcmp(types[i].numpy, json_string_value(check_member(value, "dtype"))) == 0)
                dtype = types[i].dtype;
        json_t *shape = check_member(value, "shape"), *values = check_member(value, "values");
        const mx_tensor *t;
        check_ok(mx_tensor_file_get(f, name, dtype, -1, NULL, &t, &err), err);
        assert_int_equal(t->dims, json_array_size(shape));
        for (int i = 0; i < t->dims; i++)
            assert_int_equal(t->shape[i], json_integer_value(json_array_get(shape, (size_t)i)));
        for (size_t i = 0; i < json_array_size(values); i++, seen++) {
            double want = json_number_value(json_array_get(values, i)), got = element(t, i);
            check_same_double(got, want);
        }
    }
    assert_int_equal(seen, 19);
    mx_tensor_file_close(f);
    json_decref(golden);
    free(data);
}

/* ---- allocations ---- */

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    unsigned char *data = NULL;
    size_t size = 0, n;
    mx_tensor_file *f = NULL;
    mx_arena arena;
    mx_str *strings;
    mx_arena_init(&arena, alloc);
    merx_status status = make(alloc, &data, &size, err);
    if (status == MERX_OK)
        status = mx_tensor_file_memory(data, size, "x", alloc, true, &f, err);
    if (status == MERX_OK)
        status = mx_tensor_file_strings(f, "words", &arena, &strings, &n, err);
    mx_tensor_file_close(f);
    mx_arena_release(&arena);
    mx_free_array(alloc, data, size, 1);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    check_every_allocation(scenario, NULL);
}

static int write_for_python(const char *path)
{
    merx_error err = {0};
    mx_tensor_writer *w = NULL;
    merx_status status = mx_tensor_writer_new(NULL, &w, &err);
    if (status == MERX_OK)
        status = fill(w, &err);
    if (status == MERX_OK)
        status = mx_tensor_writer_save(w, path, &err);
    if (status != MERX_OK)
        fprintf(stderr, "%s: %s\n", err.where, err.message);
    mx_tensor_writer_free(w);
    return status == MERX_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return write_for_python(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_headers),     cmocka_unit_test(test_strings_damage), cmocka_unit_test(test_golden),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
