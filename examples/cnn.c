/*
 * A convolutional network from a C program: learns to tell the ten kinds of clothes of Fashion-MNIST apart, then says how many of the test pictures it gets right.
 *
 *     cc cnn.c $(pkg-config --cflags --libs merx) -o cnn
 *     ./cnn fashion-mnist
 *
 * The folder holds the four files of the data set (train-images-idx3-ubyte.gz, …), or any others of that format with pictures of 28 x 28 grey pixels.
 * The same from the command line: merx fit network fashion-mnist/train-images-idx3-ubyte.gz --target label --spec cnn.json --out cnn.merx
 */
#include <stdio.h>
#include <stdlib.h>

#include <merx/dataset.h>
#include <merx/network.h>

static merx_status print_epoch(void *context, const merx_epoch *epoch, merx_error *err)
{
    (void)context;
    (void)err;
    printf("epoch %d: loss %.4f, accuracy %.4f (%.1f s)\n", epoch->epoch, epoch->loss, epoch->metric, epoch->seconds);
    fflush(stdout);
    return MERX_OK;
}

/* Pictures as numbers from 0 to 1, and their labels. */
static merx_status read_pictures(const char *folder, const char *part, merx_dataset **data, merx_examples *out,
                                 merx_error *err)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte.gz", folder, part);
    merx_status status = merx_dataset_read(path, NULL, NULL, data, err);
    if (status != MERX_OK)
        return status;
    *out = (merx_examples){.n = merx_dataset_rows(*data),
                           .x = merx_dataset_floats(*data),
                           .labels = merx_dataset_codes(*data, (size_t)merx_dataset_find_column(*data, "label"))};
    return MERX_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [EPOCHS]\n", argv[0]);
        return 2;
    }
    merx_error err = {0};
    merx_dataset *train_data = NULL, *test_data = NULL;
    merx_examples train, test;
    merx_task *task = NULL;
    double loss, accuracy;
    int code = 1;

    merx_network *net = merx_network_new(NULL, MERX_INPUT(28, 28, 1));
    merx_network_add(net, MERX_CONV2D(.filters = 32, .kernel = {3, 3}, .activation = MERX_RELU));
    merx_network_add(net, MERX_MAX_POOL2D(.pool = {2, 2}));
    merx_network_add(net, MERX_FLATTEN());
    merx_network_add(net, MERX_DENSE(.units = 10, .activation = MERX_SOFTMAX));

    merx_fit_options options = {.epochs = argc > 2 ? atoi(argv[2]) : 10, .batch_size = 32, .on_epoch = print_epoch};
    if (read_pictures(argv[1], "train", &train_data, &train, &err) != MERX_OK ||
        read_pictures(argv[1], "t10k", &test_data, &test, &err) != MERX_OK ||
        merx_task_new(NULL, &(merx_task_options){.seed = 1}, &task, &err) != MERX_OK ||
        merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err) != MERX_OK ||
        merx_network_fit(net, &train, &options, task, NULL, &err) != MERX_OK ||
        merx_network_evaluate(net, &test, task, &loss, &accuracy, &err) != MERX_OK ||
        merx_network_save(net, "cnn.merx", &err) != MERX_OK) {
        fprintf(stderr, "%s%s%s\n", err.where, err.where[0] ? ": " : "", err.message);
        goto out;
    }
    printf("on %zu test pictures: loss %.4f, accuracy %.4f\n", test.n, loss, accuracy);
    printf("the network is in cnn.merx\n");
    code = 0;
out:
    merx_network_free(net);
    merx_task_free(task);
    merx_dataset_free(test_data);
    merx_dataset_free(train_data);
    return code;
}
