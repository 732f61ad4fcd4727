#include "bench/adapters/words/corpus.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define L(upper, lower) [upper] = lower, [lower] = lower
const unsigned char corpus_letter[256] = {
    L('A', 'a'), L('B', 'b'), L('C', 'c'), L('D', 'd'), L('E', 'e'), L('F', 'f'), L('G', 'g'), L('H', 'h'), L('I', 'i'),
    L('J', 'j'), L('K', 'k'), L('L', 'l'), L('M', 'm'), L('N', 'n'), L('O', 'o'), L('P', 'p'), L('Q', 'q'), L('R', 'r'),
    L('S', 's'), L('T', 't'), L('U', 'u'), L('V', 'v'), L('W', 'w'), L('X', 'x'), L('Y', 'y'), L('Z', 'z'),
};

enum { LOOK = 4096, BEYOND = 256 };

/* Makes room for one more element of `size` bytes. False: no memory. */
static bool grow(void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;
    size_t more = *room ? *room * 2 : 64;
    void *larger = realloc(*array, more * size);
    if (!larger)
        return false;
    *array = larger;
    *room = more;
    return true;
}

static int add_chunks(corpus *text, uint64_t size)
{
    for (uint64_t offset = 0; offset < size; offset += CORPUS_CHUNK) {
        uint64_t left = size - offset;
        if (!grow((void **)&text->chunks, text->chunk_count, &text->chunk_room, sizeof *text->chunks))
            return -ENOMEM;
        text->chunks[text->chunk_count++] =
            (corpus_chunk){.file = (uint32_t)text->files,
                           .offset = offset,
                           .size = (uint32_t)(left < CORPUS_CHUNK ? left : CORPUS_CHUNK)};
    }
    return 0;
}

static int add_file(corpus *text, const char *path, const struct stat *s)
{
    corpus_file file = {.size = (uint64_t)s->st_size, .changed = s->st_mtim};
    if (!grow((void **)&text->file, text->files, &text->file_room, sizeof *text->file))
        return -ENOMEM;
    if (add_chunks(text, file.size) != 0 || !(file.path = strdup(path)))
        return -ENOMEM;
    text->file[text->files++] = file;
    text->bytes += file.size;
    return 0;
}

int corpus_add(corpus *text, const char *path)
{
    struct stat s;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = file < 0 || fstat(file, &s) != 0 ? -errno : 0;
    if (file >= 0)
        close(file);
    if (error == 0 && !S_ISREG(s.st_mode))
        error = S_ISDIR(s.st_mode) ? -EISDIR : -EINVAL;
    return error != 0 ? error : add_file(text, path, &s);
}

/* A file that people could read: no NUL at its beginning, and not compressed. */
static bool is_text(const char *path)
{
    unsigned char look[LOOK];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    ssize_t length = file < 0 ? -1 : read(file, look, sizeof look);
    if (file >= 0)
        close(file);
    return length > 0 && !memchr(look, 0, (size_t)length) && !(length > 2 && look[0] == 0x1f && look[1] == 0x8b);
}

static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strncmp(entry->d_name, "bazel-", 6) != 0;
}

void corpus_add_tree(corpus *text, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_wanted, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat s;
        int length = snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
        if (length >= (int)sizeof path || lstat(path, &s) != 0)
            continue;
        if (S_ISDIR(s.st_mode) && text->bytes < CORPUS_MOST)
            corpus_add_tree(text, path);
        else if (S_ISREG(s.st_mode) && text->bytes + (uint64_t)s.st_size <= CORPUS_MOST && is_text(path))
            (void)add_file(text, path, &s);
    }
    if (count >= 0)
        free(entries);
}

const char *corpus_changed(const corpus *text)
{
    for (size_t i = 0; i < text->files; i++) {
        const corpus_file *file = &text->file[i];
        struct stat s;
        if (stat(file->path, &s) != 0 || (uint64_t)s.st_size != file->size ||
            s.st_mtim.tv_sec != file->changed.tv_sec || s.st_mtim.tv_nsec != file->changed.tv_nsec)
            return file->path;
    }
    return NULL;
}

void corpus_free(corpus *text)
{
    for (size_t i = 0; i < text->files; i++)
        free(text->file[i].path);
    free(text->file);
    free(text->chunks);
    *text = (corpus){0};
}

/* Reads up to `size` bytes to the end of the buffer. Returns how many, or -errno. */
static ssize_t append(corpus_buffer *buffer, int file, uint64_t offset, size_t size)
{
    if (buffer->end + size > buffer->room) {
        size_t room = (buffer->end + size) * 2;
        char *data = realloc(buffer->data, room);
        if (!data)
            return -ENOMEM;
        buffer->data = data;
        buffer->room = room;
    }
    ssize_t got;
    do
        got = pread(file, buffer->data + buffer->end, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    buffer->end += (size_t)got;
    return got;
}

/* Reads the chunk, one byte before it, which shows whether a word began earlier, and the rest of its last word. */
static int read_chunk(const corpus_chunk *chunk, int file, corpus_buffer *buffer)
{
    size_t before = chunk->offset > 0;
    uint64_t at = chunk->offset - before;
    size_t own = chunk->size + before; /* words that begin below it are the chunk's */
    ssize_t got;
    buffer->begin = buffer->end = 0;
    while (buffer->end < own) {
        if ((got = append(buffer, file, at + buffer->end, own - buffer->end)) < 0)
            return (int)got;
        if (got == 0) /* the file has become shorter */
            break;
    }
    own = buffer->end;
    if (before)
        while (buffer->begin < own && corpus_letter[(unsigned char)buffer->data[buffer->begin]])
            buffer->begin++;
    if (buffer->begin == own)
        return 0;
    size_t end = own;
    while (corpus_letter[(unsigned char)buffer->data[end - 1]]) {
        if (end == buffer->end) {
            if ((got = append(buffer, file, at + buffer->end, BEYOND)) < 0)
                return (int)got;
            if (got == 0)
                break;
        }
        if (!corpus_letter[(unsigned char)buffer->data[end]])
            break;
        end++;
    }
    buffer->end = end;
    return 0;
}

int corpus_read(const corpus *text, size_t chunk, corpus_buffer *buffer)
{
    int file = open(text->file[text->chunks[chunk].file].path, O_RDONLY | O_CLOEXEC);
    int error = file < 0 ? -errno : read_chunk(&text->chunks[chunk], file, buffer);
    if (file >= 0)
        close(file);
    return error;
}
