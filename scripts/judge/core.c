#include "core.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

u64 page_size;
unsigned int page_shift;

struct segment {
	phys_addr_t start;
	u64 length;
	/* What the file has of it; the rest is zeros. */
	u64 stored;
	const u8 *bytes;
};
static struct segment *segments;
static u64 nr_segments;

void set_page_size(const char *text)
{
	page_size = parse_u64(text);
	if (page_size != 4096 && page_size != 16384 && page_size != 65536)
		misused("a page of %s bytes", text);
	page_shift = (unsigned int)__builtin_ctzll(page_size);
}

static _Noreturn void stop(int status, const char *format, va_list values)
{
	fflush(stdout);
	vfprintf(stderr, format, values);
	fputc('\n', stderr);
	exit(status);
}

void refuse(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	stop(1, format, values);
}

void misused(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	stop(2, format, values);
}

void *reserve(u64 count, u64 size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		misused("no memory for %llu x %llu bytes", (unsigned long long)count, (unsigned long long)size);
	return memory;
}

void *grow(void *array, u64 count, u64 *room, u64 size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 64;
	array = realloc(array, *room * size);
	if (!array)
		misused("no memory for %llu x %llu bytes", (unsigned long long)*room, (unsigned long long)size);
	return array;
}

static int by_start(const void *a, const void *b)
{
	const struct segment *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

void open_core(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat stat;
	const Elf64_Ehdr *header;
	const u8 *bytes;
	u64 count, i;

	if (file < 0 || fstat(file, &stat) || stat.st_size < (off_t)sizeof(*header))
		misused("%s cannot be read", path);
	bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		misused("%s cannot be mapped", path);
	close(file);
	header = (const void *)bytes;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_type != ET_CORE)
		misused("%s is not a little-endian ELF64 core", path);
	if (header->e_phentsize != sizeof(Elf64_Phdr))
		misused("%s: program headers of %u bytes", path, header->e_phentsize);
	count = header->e_phnum;
	if (count == PN_XNUM) {
		/* More than the field can count: the first section header has the number. */
		const Elf64_Shdr *first = (const void *)(bytes + header->e_shoff);

		if (header->e_shoff + sizeof(*first) > (u64)stat.st_size)
			misused("%s: the section header is not in the file", path);
		count = first->sh_info;
	}
	if (header->e_phoff > (u64)stat.st_size ||
	    count > ((u64)stat.st_size - header->e_phoff) / sizeof(Elf64_Phdr))
		misused("%s: the program headers are not in the file", path);
	segments = reserve(count, sizeof(*segments));
	for (i = 0; i < count; i++) {
		const Elf64_Phdr *phdr = (const Elf64_Phdr *)(const void *)(bytes + header->e_phoff) + i;

		if (phdr->p_type != PT_LOAD || phdr->p_memsz == 0)
			continue;
		if (phdr->p_offset > (u64)stat.st_size || phdr->p_filesz > (u64)stat.st_size - phdr->p_offset)
			misused("%s: segment %llu is not in the file", path, (unsigned long long)i);
		if (phdr->p_memsz < phdr->p_filesz || phdr->p_paddr + phdr->p_memsz < phdr->p_paddr)
			misused("%s: segment %llu has no such size", path, (unsigned long long)i);
		segments[nr_segments++] = (struct segment){
			phdr->p_paddr, phdr->p_memsz, phdr->p_filesz, bytes + phdr->p_offset
		};
	}
	qsort(segments, nr_segments, sizeof(*segments), by_start);
	for (i = 1; i < nr_segments; i++)
		if (segments[i].start - segments[i - 1].start < segments[i - 1].length)
			misused("%s: segments overlap at 0x%llx", path, (unsigned long long)segments[i].start);
}

static const struct segment *segment_of(phys_addr_t address)
{
	u64 low = 0, high = nr_segments;

	while (low < high) {
		u64 middle = (low + high) / 2;

		if (segments[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address - segments[low - 1].start >= segments[low - 1].length)
		return NULL;
	return &segments[low - 1];
}

/* Copies as much as there is from one segment after the other; gives what is missing. */
static u64 copy(phys_addr_t address, u8 *into, u64 length)
{
	while (length) {
		const struct segment *segment = segment_of(address);
		u64 at, part;

		if (!segment)
			return length;
		at = address - segment->start;
		part = segment->length - at < length ? segment->length - at : length;
		if (into) {
			u64 stored = at >= segment->stored ? 0 : segment->stored - at;

			stored = stored < part ? stored : part;
			memcpy(into, segment->bytes + at, stored);
			memset(into + stored, 0, part - stored);
			into += part;
		}
		address += part;
		length -= part;
	}
	return 0;
}

bool has_memory(phys_addr_t address, u64 length)
{
	return copy(address, NULL, length) == 0;
}

void read_memory(phys_addr_t address, void *into, u64 length, const char *what)
{
	u64 missing = copy(address, into, length);

	if (missing)
		refuse("%s: 0x%llx is not in the dump", what, (unsigned long long)(address + length - missing));
}

void *read_page(phys_addr_t address, const char *what)
{
	void *page = reserve(1, page_size);

	if (address == 0 || address % page_size)
		refuse("%s: 0x%llx is not the address of a page", what, (unsigned long long)address);
	read_memory(address, page, page_size, what);
	return page;
}

void each_page(void (*visit)(phys_addr_t address))
{
	u64 i;

	for (i = 0; i < nr_segments; i++) {
		phys_addr_t at = (segments[i].start + page_size - 1) & ~(page_size - 1);

		for (; at < segments[i].start + segments[i].stored; at += page_size)
			if (has_memory(at, page_size))
				visit(at);
	}
}

void line(const char *kind)
{
	printf("{\"kind\":\"%s\"", kind);
}

void put_text(const char *key, const void *bytes, u64 length)
{
	const u8 *text = bytes;
	u64 i;

	printf(",\"%s\":\"", key);
	for (i = 0; i < length; i++)
		if (text[i] == '"' || text[i] == '\\')
			printf("\\%c", text[i]);
		else if (text[i] >= 0x20 && text[i] < 0x7f)
			putchar(text[i]);
		else
			printf("\\u%04x", text[i]);
	putchar('"');
}

void put_u64(const char *key, u64 value)
{
	printf(",\"%s\":\"0x%llx\"", key, (unsigned long long)value);
}

void put_number(const char *key, u64 value)
{
	printf(",\"%s\":%llu", key, (unsigned long long)value);
}

void end_line(void)
{
	puts("}");
}

u64 text_length(const void *field, u64 size, const char *what)
{
	const u8 *end = memchr(field, 0, size);

	if (!end)
		refuse("%s: no NUL in %llu bytes", what, (unsigned long long)size);
	return (u64)(end - (const u8 *)field);
}

u64 parse_u64(const char *text)
{
	char *end;
	u64 value = strtoull(text, &end, 0);

	if (end == text || *end)
		misused("%s is not a number", text);
	return value;
}
