/* notice.h: how long work in the library tells the program how far it is. It prints nothing itself. */
#ifndef BSO_NOTICE_H
#define BSO_NOTICE_H

#include <stddef.h>

/* "what: done of total". Cheap: call it for each item, from any thread; at most five a second get through. */
void bso_notice_progress(const char *what, size_t done, size_t total);

/* Something that went wrong and can be done without. Any thread. */
void bso_notice_warning(const char *what);

/* Where notices go; NULL (the default): nowhere. Called by one thread at a time; done == total is the end;
 * total == 0: a warning. */
extern void (*bso_notice)(const char *what, size_t done, size_t total);

#endif
