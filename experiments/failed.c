/* failed.c: see failed.h. */
#include "experiments/failed.h"

#include "core/error.h"
#include "core/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 };

static const char ending[] = ".failed";

int bso_failed_note(const char *result, const char *message)
{
    char path[BSO_PATH], line[LINE];
    if (bso_file_with(path, result, ending)) return BSO_ERROR;
    snprintf(line, sizeof line - 1, "%s", message);
    bso_one_line(line);
    strcat(line, "\n");
    return bso_file_write(path, line, strlen(line));
}

bool bso_failed_read(const char *result, char *text, size_t size)
{
    char path[BSO_PATH];
    uint8_t *bytes;
    size_t count;
    if (bso_file_with(path, result, ending) || access(path, F_OK)) return false;
    *text = '\0';
    if (bso_file_read(path, LINE, BSO_MEM_CONTROL, &bytes, &count) == 0) {
        snprintf(text, size, "%.*s", (int)count, (const char *)bytes);
        text[strcspn(text, "\n")] = '\0';
        bso_one_line(text);
        bso_free(bytes);
    }
    return true;
}

void bso_failed_forget(const char *result)
{
    char path[BSO_PATH];
    if (bso_file_with(path, result, ending) == 0) unlink(path);
}

int bso_failed_list(const char *folder, bso_failure **list)
{
    struct dirent **names;
    int count = bso_file_list(folder, ending, &names), kept = 0;
    *list = NULL;
    if (count <= 0) {
        if (count == 0) free(names);
        return 0;
    }
    *list = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof **list, "failed cells");
    for (int i = 0; i < count; i++) {
        char path[BSO_PATH], name[sizeof(*list)->name];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(names[i]->d_name) - strlen(ending)),
                 names[i]->d_name);
        free(names[i]);
        if (!*list || bso_file_there(folder, name) || bso_file_path(path, folder, name)) continue;
        bso_failure *f = &(*list)[kept];
        memcpy(f->name, name, sizeof f->name);
        kept += bso_failed_read(path, f->message, sizeof f->message);
    }
    free(names);
    return *list ? kept : BSO_ERROR;
}
