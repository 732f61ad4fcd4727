#include "bench/adapters/words/program.h"

#include "bench/measure/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct words_program {
    words_parts parts;
    void *queue, *stack, *map;
    const corpus *text;
    corpus_buffer *buffers;
    unsigned buffer_count;
    _Alignas(BENCH_LINE) _Atomic size_t next; /* chunk to read */
    _Alignas(BENCH_LINE) _Atomic size_t left; /* chunks to count */
    _Alignas(BENCH_LINE) _Atomic int error;   /* the first one; all stop */
};

typedef struct words_thread {
    void *queue, *stack;
} words_thread;

/* ---- making and ending ---- */

static int fill_stack(words_program *p)
{
    const bench_impl *impl = p->parts.stack;
    void *thread = impl->thread_begin(p->stack);
    bool done = thread != NULL;
    for (unsigned i = 0; i < p->buffer_count && done; i++)
        done = impl->container->put(p->stack, thread, &p->buffers[i]);
    if (thread)
        impl->thread_end(p->stack, thread);
    return done ? 0 : -ENOMEM;
}

int words_program_create(words_program **out, const words_parts *parts, unsigned threads)
{
    bench_setup setup = {.capacity = threads * 2, .threads = threads};
    words_program *p = aligned_alloc(BENCH_LINE, sizeof *p);
    *out = NULL;
    if (!p)
        return -ENOMEM;
    memset((void *)p, 0, sizeof *p);
    p->parts = *parts;
    p->buffer_count = threads * 2;
    p->buffers = calloc(p->buffer_count, sizeof *p->buffers);
    int error = p->buffers ? 0 : -ENOMEM;
    if (error == 0)
        error = parts->queue->create(&p->queue, &setup);
    if (error == 0)
        error = parts->stack->create(&p->stack, &setup);
    if (error == 0)
        error = parts->map->create(&p->map);
    if (error == 0)
        error = fill_stack(p);
    if (error != 0)
        words_program_destroy(p);
    else
        *out = p;
    return error;
}

void words_program_destroy(void *program)
{
    words_program *p = program;
    if (p->map)
        p->parts.map->destroy(p->map);
    if (p->stack)
        p->parts.stack->destroy(p->stack);
    if (p->queue)
        p->parts.queue->destroy(p->queue);
    for (unsigned i = 0; i < p->buffer_count && p->buffers; i++)
        free(p->buffers[i].data);
    free(p->buffers);
    free(p);
}

void words_program_read(words_program *program, const corpus *text)
{
    program->text = text;
    atomic_store(&program->left, text->chunk_count);
}

int words_program_error(const words_program *program)
{
    return atomic_load(&program->error);
}

void words_program_each(words_program *program, void (*visit)(const counted *w, void *ctx), void *ctx)
{
    program->parts.map->each(program->map, visit, ctx);
}

void *words_program_thread_begin(void *program)
{
    words_program *p = program;
    words_thread *thread = malloc(sizeof *thread);
    if (!thread)
        return NULL;
    thread->queue = p->parts.queue->thread_begin(p->queue);
    thread->stack = thread->queue ? p->parts.stack->thread_begin(p->stack) : NULL;
    if (thread->stack)
        return thread;
    if (thread->queue)
        p->parts.queue->thread_end(p->queue, thread->queue);
    free(thread);
    return NULL;
}

void words_program_thread_end(void *program, void *thread)
{
    words_program *p = program;
    words_thread *t = thread;
    p->parts.stack->thread_end(p->stack, t->stack);
    p->parts.queue->thread_end(p->queue, t->queue);
    free(t);
}

/* ---- what each thread does ---- */

static uint64_t count_words(words_program *p, corpus_buffer *buffer)
{
    bool (*count)(void *, const char *, size_t) = p->parts.map->count;
    char *at = buffer->data + buffer->begin, *end = buffer->data + buffer->end, *text;
    uint64_t words = 0;
    size_t length;
    while ((text = corpus_next(&at, end, &length))) {
        if (!count(p->map, text, length)) {
            atomic_store(&p->error, -ENOMEM);
            break;
        }
        words++;
    }
    return words;
}

/* Reads the next chunk into an empty buffer and enqueues the buffer. False: there is no chunk or no empty buffer. */
static bool read_one(words_program *p, words_thread *t)
{
    void *buffer;
    size_t chunk = atomic_load_explicit(&p->next, memory_order_relaxed);
    if (chunk >= p->text->chunk_count || !p->parts.stack->container->take(p->stack, t->stack, &buffer))
        return false;
    chunk = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    bool there = chunk < p->text->chunk_count;
    int error = there ? corpus_read(p->text, chunk, buffer) : 0;
    bool moved = there ? p->parts.queue->container->put(p->queue, t->queue, buffer)
                       : p->parts.stack->container->put(p->stack, t->stack, buffer);
    if (error != 0 || !moved)
        atomic_store(&p->error, error != 0 ? error : -ENOMEM);
    return there;
}

void words_program_drive(bench_worker *worker)
{
    words_program *p = worker->object;
    words_thread *t = worker->thread;
    unsigned turn = 0;
    while (atomic_load_explicit(&p->left, memory_order_acquire) > 0 &&
           atomic_load_explicit(&p->error, memory_order_relaxed) == 0) {
        void *buffer;
        if (p->parts.queue->container->take(p->queue, t->queue, &buffer)) {
            worker->counts.operations += count_words(p, buffer);
            if (!p->parts.stack->container->put(p->stack, t->stack, buffer))
                atomic_store(&p->error, -ENOMEM);
            atomic_fetch_sub_explicit(&p->left, 1, memory_order_release);
            turn = 0;
        } else if (!read_one(p, t)) {
            bench_wait(worker, &turn); /* other threads have all chunks or buffers that are left */
        }
    }
}
