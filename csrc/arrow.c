/*
 * Tables for others, by the Arrow C data interface: arrays whose buffers are a table's own columns wherever the layout
 * allows. Consumers may move arrays out of their parents, and release them one by one and in any thread; so every
 * array holds a reference to the export, and the export one to the table.
 */
#include "internal.h"

struct pynl_export {
    uint32_t owners;
    struct pynl_table *table;
    struct buffer *buffers;
};

struct buffer {
    struct buffer *next;
    void *data;
};

struct pynl_export *pynl_export_new(struct pynl_table *table)
{
    struct pynl_export *export = calloc(1, sizeof(*export));

    if (!export)
        return NULL;
    export->owners = 1;
    export->table = pynl_table_retain(table);
    return export;
}

void pynl_export_free(struct pynl_export *export)
{
    if (!export || __atomic_sub_fetch(&export->owners, 1, __ATOMIC_ACQ_REL))
        return;
    while (export->buffers) {
        struct buffer *next = export->buffers->next;

        free(export->buffers->data);
        free(export->buffers);
        export->buffers = next;
    }
    pynl_table_free(export->table);
    free(export);
}

void *pynl_export_buffer(struct pynl_export *export, uint64_t size)
{
    struct buffer *buffer = calloc(1, sizeof(*buffer));

    if (!buffer)
        return NULL;
    buffer->data = zeroed(size);
    if (!buffer->data) {
        free(buffer);
        return NULL;
    }
    buffer->next = export->buffers;
    export->buffers = buffer;
    return buffer->data;
}

/* ---- schemas ---- */

static void release_schema(struct ArrowSchema *schema)
{
    int64_t i;

    for (i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
        free(schema->children[i]);
    }
    free(schema->children);
    free((void *)(uintptr_t)schema->format);
    free((void *)(uintptr_t)schema->name);
    free((void *)(uintptr_t)schema->metadata);
    schema->release = NULL;
}

static char *copy(const char *data, uint64_t size)
{
    char *made = malloc(size ? size : 1);

    return made && size ? memcpy(made, data, size) : made;
}

int pynl_arrow_schema(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                      uint64_t metadata_size, int64_t flags, uint32_t children)
{
    memset(out, 0, sizeof(*out));
    out->release = release_schema;
    out->flags = flags;
    out->format = copy(format, strlen(format) + 1);
    out->name = copy(name, strlen(name) + 1);
    if (metadata_size)
        out->metadata = copy(metadata, metadata_size);
    out->private_data = (void *)(uintptr_t)metadata_size; /* for copies: the metadata does not tell its own size */
    out->children = calloc(children ? children : 1, sizeof(*out->children));
    if (!out->format || !out->name || !out->children || (metadata_size && !out->metadata))
        goto no_memory;
    for (; out->n_children < (int64_t)children; out->n_children++) {
        out->children[out->n_children] = calloc(1, sizeof(struct ArrowSchema));
        if (!out->children[out->n_children])
            goto no_memory;
    }
    return 0;
no_memory:
    release_schema(out);
    return -ENOMEM;
}

static int copy_schema(const struct ArrowSchema *from, struct ArrowSchema *out)
{
    int64_t i;
    int result = pynl_arrow_schema(out, from->format, from->name, from->metadata,
                                   (uint64_t)(uintptr_t)from->private_data, from->flags, (uint32_t)from->n_children);

    for (i = 0; !result && i < from->n_children; i++) {
        result = copy_schema(from->children[i], out->children[i]);
        if (result)
            release_schema(out);
    }
    return result;
}

/* ---- arrays ---- */

static void release_array(struct ArrowArray *array)
{
    int64_t i;

    for (i = 0; i < array->n_children; i++) {
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    free(array->children);
    free(array->buffers);
    array->release = NULL;
    pynl_export_free(array->private_data);
}

int pynl_arrow_array(struct ArrowArray *out, struct pynl_export *export, int64_t length, int64_t nulls, int64_t offset,
                     const void **buffers, uint32_t buffer_count, uint32_t children)
{
    memset(out, 0, sizeof(*out));
    __atomic_add_fetch(&export->owners, 1, __ATOMIC_RELAXED);
    out->private_data = export;
    out->release = release_array;
    out->length = length;
    out->null_count = nulls;
    out->offset = offset;
    out->n_buffers = buffer_count;
    out->buffers = calloc(buffer_count ? buffer_count : 1, sizeof(*out->buffers));
    out->children = calloc(children ? children : 1, sizeof(*out->children));
    if (!out->buffers || !out->children)
        goto no_memory;
    memcpy(out->buffers, buffers, buffer_count * sizeof(*buffers));
    for (; out->n_children < (int64_t)children; out->n_children++) {
        out->children[out->n_children] = calloc(1, sizeof(struct ArrowArray));
        if (!out->children[out->n_children])
            goto no_memory;
    }
    return 0;
no_memory:
    release_array(out);
    return -ENOMEM;
}

/* ---- streams ---- */

struct stream {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    return -copy_schema(&((struct stream *)stream->private_data)->schema, out);
}

/* The array moves to the caller; from then on the stream is at its end, which an array without release() tells. */
static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct ArrowArray *array = &((struct stream *)stream->private_data)->array;

    *out = *array;
    array->release = NULL;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    struct stream *private = stream->private_data;

    if (private->schema.release)
    private->schema.release(&private->schema);
    if (private->array.release)
    private->array.release(&private->array);
    free(private);
    stream->release = NULL;
}

struct ArrowArrayStream *pynl_arrow_stream_new(struct ArrowSchema **schema, struct ArrowArray **array)
{
    struct ArrowArrayStream *stream = calloc(1, sizeof(*stream));
    struct stream *private = calloc(1, sizeof(*private));

    if (!stream || !private) {
        free(stream);
        free(private);
        return NULL;
    }
    *stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                        .get_next = get_next,
                                        .get_last_error = get_last_error,
                                        .release = release_stream,
                                        .private_data = private};
    *schema = &private->schema;
    *array = &private->array;
    return stream;
}

void pynl_arrow_stream_free(struct ArrowArrayStream *stream)
{
    if (stream->release)
        stream->release(stream);
    free(stream);
}

struct ArrowSchema *pynl_arrow_schema_new(void)
{
    return calloc(1, sizeof(struct ArrowSchema));
}

void pynl_arrow_schema_free(struct ArrowSchema *schema)
{
    if (schema->release)
        schema->release(schema);
    free(schema);
}
