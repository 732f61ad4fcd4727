/*
 * Prints a program as C: its blocks as functions, below those pieces of the files world_*.h that they use. A piece is
 * the text between two empty lines outside braces. Its words tell what it defines and what it uses.
 */
#define _GNU_SOURCE
#include "tests/lives/program.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The files as text (text.sh). */
extern const char lives_text_world[], lives_text_life[], lives_text_place[], lives_text_object[], lives_text_close[],
    lives_text_values[], lives_text_pipes[], lives_text_map[], lives_text_keys[], lives_text_ends[];

enum { MOST_PIECES = 600, MOST_WORDS = 3000, LONGEST = 48 };

typedef struct piece {
    const char *text;
    size_t length;
    bool used;
} piece;

typedef struct printer {
    piece piece[MOST_PIECES];
    int pieces;
    char word[MOST_WORDS][LONGEST]; /* used, but their definitions were not looked for yet */
    int words;
} printer;

/* ---- reading ---- */

typedef struct reader {
    const char *at, *end;
    int depth;          /* of any brackets */
    char before, after; /* the last sign before a word, the first after it */
    char word[LONGEST];
} reader;

static void pass(reader *r)
{
    const char *at = r->at;
    if (at[0] == '/' && at[1] == '*') {
        const char *close = strstr(at, "*/");
        r->at = close ? close + 2 : r->end;
    } else if (*at == '"' || *at == '\'') {
        for (at++; at < r->end && *at != *r->at; at++)
            at += *at == '\\';
        r->at = at + 1;
        r->before = '"';
    } else {
        r->depth += (strchr("([{", *at) != NULL) - (strchr(")]}", *at) != NULL);
        if (!isspace((unsigned char)*at))
            r->before = *at;
        r->at++;
    }
}

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Reads the next word. False: there is none. */
static bool next_word(reader *r)
{
    while (r->at < r->end && !is_letter(*r->at))
        pass(r);
    size_t length = 0;
    for (; r->at < r->end && is_letter(*r->at); r->at++)
        if (length + 1 < LONGEST)
            r->word[length++] = *r->at;
    r->word[length] = 0;
    const char *after = r->at;
    while (after < r->end && isspace((unsigned char)*after))
        after++;
    r->after = after < r->end ? *after : 0;
    return length > 0;
}

/* ---- pieces ---- */

/* Checks, each with a word of the failures that need it; NULL: none does. */
static const struct {
    const char *call, *failure;
} checks[] = {
    {"TALLY(", NULL},
    {" catch_crashes();", NULL},
    {" check_pending(p);", "pending"},
    {" check_all_pending();", "pending"},
    {" operation_of(", "pending"},
    {" check_caches(p);", "caches"},
    {" look_up(", "a map gave"},
    {" look_up_many(", "a map gave"},
    {" = check_values;", "values"},
};

static bool is_needed(const char *line, size_t length, const char *failure)
{
    for (size_t i = 0; failure && i < sizeof checks / sizeof checks[0]; i++) {
        const char *at = memmem(line, length, checks[i].call, strlen(checks[i].call));
        if (at && line[length - 1] == ';' && (!checks[i].failure || !strstr(failure, checks[i].failure)))
            return false;
    }
    return true;
}

/* The text without the lines that the failure does not need. NULL: no failure, so only TALLY is removed. */
static char *without_checks(const char *text, const char *failure)
{
    char *kept = malloc(strlen(text) + 1), *to = kept;
    for (const char *stop; kept && *text; text = stop) {
        size_t length = strcspn(text, "\n");
        stop = text + length + (text[length] == '\n');
        bool keep = length ? is_needed(text, length, failure ? failure : "pending caches values a map gave") : true;
        if (keep) {
            memcpy(to, text, (size_t)(stop - text));
            to += stop - text;
        }
    }
    if (kept)
        *to = 0;
    return kept;
}

static void add_pieces(printer *p, const char *text)
{
    reader r = {text, text + strlen(text), 0, 0, 0, ""};
    const char *from = text;
    while (r.at < r.end) {
        bool gap = r.depth == 0 && r.at[0] == '\n' && (r.at[1] == '\n' || r.at + 1 == r.end);
        if (gap && p->pieces < MOST_PIECES) {
            p->piece[p->pieces++] = (piece){from, (size_t)(r.at - from), false};
            while (r.at < r.end && *r.at == '\n')
                r.at++;
            from = r.at;
        } else {
            pass(&r);
        }
    }
}

/* Whether the piece defines the word: a macro, a function, a variable, a type, or a constant. */
static bool defines(const piece *c, const char *word)
{
    reader r = {c->text, c->text + c->length, 0, 0, 0, ""};
    bool is_enum = false, value = false, macro = false;
    while (next_word(&r)) {
        bool here = strcmp(r.word, word) == 0;
        if (macro)
            return here;
        macro = r.before == '#' && strcmp(r.word, "define") == 0;
        is_enum |= strcmp(r.word, "enum") == 0 && r.depth == 0;
        if (r.depth == 0 && (r.before == ';' || r.before == ','))
            value = false;
        if (here && r.depth == 0 && !value && strchr("=;,[(", r.after))
            return true;
        if (here && is_enum && r.depth == 1 && (r.before == '{' || r.before == ','))
            return true;
        value |= r.depth == 0 && r.after == '=';
        r.before = 0;
    }
    return false;
}

static void use(printer *p, const char *word)
{
    for (int i = 0; i < p->words; i++)
        if (strcmp(p->word[i], word) == 0)
            return;
    if (p->words < MOST_WORDS)
        snprintf(p->word[p->words++], LONGEST, "%s", word);
}

static void use_all(printer *p, const char *text, size_t length)
{
    reader r = {text, text + length, 0, 0, 0, ""};
    bool tag = false;
    while (next_word(&r)) {
        if (!tag && r.before != '.' && r.before != '>' && !isdigit((unsigned char)r.word[0]))
            use(p, r.word);
        tag = strcmp(r.word, "struct") == 0;
        r.before = 0;
    }
}

static void choose_pieces(printer *p)
{
    for (int w = 0; w < p->words; w++)
        for (int i = 0; i < p->pieces; i++)
            if (!p->piece[i].used && defines(&p->piece[i], p->word[w])) {
                p->piece[i].used = true;
                use_all(p, p->piece[i].text, p->piece[i].length);
            }
}

static void print_piece(FILE *to, const piece *c)
{
    fwrite(c->text, 1, c->length, to);
    fputs("\n\n", to);
}

/* ---- the program ---- */

static void print_name(FILE *to, const program *p, int b)
{
    fprintf(to, b <= p->threads ? "thread_%d" : "block_%d", b);
}

static void print_step(FILE *to, const program *p, const step *s)
{
    const kind *k = &lives_kinds[s->kind];
    const char *comma = "";
    fprintf(to, "    %s(", k->name);
    for (int a = 0; k->arguments[a]; a++, comma = ", ") {
        const char *word = k->arguments[a] == 'B' ? NULL : lives_word(k->arguments[a], s->argument[a]);
        fputs(comma, to);
        if (k->arguments[a] == 'B' && s->then != NO_BLOCK)
            print_name(to, p, s->then);
        else if (k->arguments[a] == 'B')
            fputs("NULL", to);
        else if (word)
            fputs(word, to);
        else
            fprintf(to, "%d", s->argument[a]);
    }
    fputs(");\n", to);
}

static void print_block(FILE *to, const program *p, int b)
{
    fputs("static void ", to);
    print_name(to, p, b);
    fputs("(void)\n{\n", to);
    for (int i = 0; i < p->block[b].count; i++)
        print_step(to, p, &p->block[b].step[i]);
    fputs("}\n\n", to);
}

static void print_main(FILE *to, const program *p)
{
    fputs("int main(void)\n{\n    static body *const threads[] = {", to);
    for (int t = 1; t <= p->threads; t++)
        fprintf(to, "%sthread_%d", t > 1 ? ", " : "", t);
    fputs("};\n    begin();\n", to);
    for (int i = 0; i < p->block[0].count; i++)
        print_step(to, p, &p->block[0].step[i]);
    fprintf(to, "    run(threads, %d);\n    return end();\n}\n", p->threads);
}

/* Declares the blocks that others name, and then defines all. */
static void print_blocks(FILE *to, const program *p)
{
    bool done[MOST_BLOCKS];
    lives_mark(p, done);
    for (int b = p->threads + 1; b < p->blocks; b++)
        if (done[b]) {
            fputs("static void ", to);
            print_name(to, p, b);
            fputs("(void);\n", to);
        }
    fputc('\n', to);
    for (int b = 1; b < p->blocks; b++)
        if (done[b])
            print_block(to, p, b);
    print_main(to, p);
}

static void print_head(FILE *to, const char *failure, const char *again)
{
    const char *first = failure ? strstr(failure, "lives: ") : NULL;
    first = first ? first : failure ? failure : "A program that has not failed.";
    fprintf(to, "/*\n * %.*s\n *\n", (int)strcspn(first, "\n"), first);
    fputs(" * The program is at the end; above it stand the pieces of the generator's world_*.h that it uses.\n", to);
    fprintf(to, " * The generator again: %s\n", again);
#if defined WEFT_BATCH
    fprintf(to,
            " * Was seen with the library compiled with -DWEFT_BATCH=%d and other small numbers (tests/lives/BUILD).\n",
            WEFT_BATCH);
#endif
    fputs(
        " * Compile: cc program.c -lweft -pthread. Exit status 1, a crash or a hang is the failure; it may take several runs.\n */\n"
        "#define _GNU_SOURCE\n",
        to);
}

void lives_print(FILE *to, const program *program_of, const char *failure, const char *again)
{
    enum { TEXTS = 9 };
    static const char *const texts[TEXTS] = {lives_text_life,  lives_text_place,  lives_text_object,
                                             lives_text_close, lives_text_values, lives_text_pipes,
                                             lives_text_map,   lives_text_keys,   lives_text_ends};
    printer *p = calloc(1, sizeof *p);
    char *body_text = NULL, *text[TEXTS];
    size_t size = 0;
    FILE *memory = p ? open_memstream(&body_text, &size) : NULL;
    if (!memory) {
        free(p);
        return;
    }
    print_blocks(memory, program_of);
    fclose(memory);
    for (int i = 0; i < TEXTS; i++) {
        text[i] = without_checks(texts[i], failure);
        if (text[i])
            add_pieces(p, text[i]);
    }
    use_all(p, body_text, size);
    choose_pieces(p);
    print_head(to, failure, again);
    fputs(strchr(lives_text_world, '#'), to);
    fputc('\n', to);
    for (int i = 0; i < p->pieces; i++)
        if (p->piece[i].used)
            print_piece(to, &p->piece[i]);
    fputs(body_text, to);
    for (int i = 0; i < TEXTS; i++)
        free(text[i]);
    free(body_text);
    free(p);
}
