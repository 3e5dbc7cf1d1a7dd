/* A vmalloc area: a list of chunks, each a page of page addresses. */
#include <stdlib.h>

#include "handover.h"

#define KHO_VMALLOC_ALLOC 0x1
#define KHO_VMALLOC_HUGE_VMAP 0x2

struct kho_vmalloc_hdr {
	phys_addr_t next;
};

struct kho_vmalloc_chunk {
	struct kho_vmalloc_hdr hdr;
	phys_addr_t phys[];
};

phys_addr_t *restore_vmalloc(const struct kho_vmalloc *area, const char *what)
{
	u64 capacity = (page_size - sizeof(struct kho_vmalloc_hdr)) / sizeof(phys_addr_t);
	u64 runs = area->total_pages >> area->order;
	/* The next chunk is made as soon as one is full, so the last may be empty. */
	u64 chunks = runs / capacity + 1;
	phys_addr_t *pages, at = area->first;
	u64 found = 0, seen;

	if (area->first == 0 || area->total_pages == 0)
		refuse("%s: an area of %u pages with its first chunk at 0x%llx", what, area->total_pages,
		       (unsigned long long)area->first);
	if (area->flags & ~(KHO_VMALLOC_ALLOC | KHO_VMALLOC_HUGE_VMAP))
		refuse("%s: flags 0x%x", what, area->flags);
	if (area->order > 20 || area->total_pages % (1u << area->order))
		refuse("%s: %u pages in runs of order %u", what, area->total_pages, area->order);
	pages = reserve(area->total_pages, sizeof(*pages));
	for (seen = 0; at; seen++) {
		struct kho_vmalloc_chunk *chunk;
		u64 i;

		if (seen == chunks)
			refuse("%s: more than %llu chunks", what, (unsigned long long)chunks);
		chunk = read_page(at, what);
		block_at(at >> page_shift, what);
		for (i = 0; i < capacity; i++) {
			u64 page;

			if (chunk->phys[i] == 0)
				continue;
			if (i && chunk->phys[i - 1] == 0)
				refuse("%s: chunk 0x%llx goes on after a zero", what, (unsigned long long)at);
			if (found == runs)
				refuse("%s: more pages than %u", what, area->total_pages);
			if (chunk->phys[i] % (page_size << area->order))
				refuse("%s: page 0x%llx", what, (unsigned long long)chunk->phys[i]);
			need_preserved(chunk->phys[i], page_size << area->order, what);
			for (page = 0; page < 1u << area->order; page++)
				pages[(found << area->order) + page] = chunk->phys[i] + page * page_size;
			found++;
		}
		if (found != (seen + 1) * capacity && chunk->hdr.next)
			refuse("%s: chunk 0x%llx is not full and not the last", what, (unsigned long long)at);
		at = chunk->hdr.next;
		free(chunk);
	}
	if (found != runs)
		refuse("%s: %llu runs of pages instead of %llu", what, (unsigned long long)found, (unsigned long long)runs);
	if (seen != chunks)
		refuse("%s: %llu chunks instead of %llu", what, (unsigned long long)seen, (unsigned long long)chunks);
	return pages;
}
