/*
 * What all walks share: the memory of an ELF64 core by physical address, the
 * refusal of an image, and the lines that are printed.
 */
#ifndef JUDGE_CORE_H
#define JUDGE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 phys_addr_t;

#define __packed __attribute__((packed))
#define array_size(a) (sizeof(a) / sizeof((a)[0]))

/* Of the kernel that wrote the image. Set before anything is read. */
extern u64 page_size;
extern unsigned int page_shift;
void set_page_size(const char *text);

/* The image is not what a receiver takes: says why, and ends with status 1. */
_Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The judge was called wrongly, or has not enough memory: ends with status 2. */
_Noreturn void misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *reserve(u64 count, u64 size);
/* Makes room for one more element of a growing array. */
void *grow(void *array, u64 count, u64 *room, u64 size);

/* PT_LOAD segments by p_paddr. What a segment has in memory only is zeros. */
void open_core(const char *path);
bool has_memory(phys_addr_t address, u64 length);
void read_memory(phys_addr_t address, void *into, u64 length, const char *what);
/* A copy of a whole page, which must be aligned. */
void *read_page(phys_addr_t address, const char *what);
/* All pages of which the core has the memory, but for those of zeros only. */
void each_page(void (*visit)(phys_addr_t address));

/* One JSON object a line. 64-bit values are printed in hex, as strings. */
void line(const char *kind);
void put_text(const char *key, const void *bytes, u64 length);
void put_u64(const char *key, u64 value);
void put_number(const char *key, u64 value);
void end_line(void);

/* The length of a text in a field that must hold its NUL too. */
u64 text_length(const void *field, u64 size, const char *what);
u64 parse_u64(const char *text);

#endif
