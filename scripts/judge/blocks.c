/* Linked blocks: pages of entries, each with the address of the next. */
#include <stdlib.h>

#include "handover.h"

#define KHO_MAX_BLOCKS 10000

struct kho_block_header_ser {
	u64 next;
	u64 count;
} __packed;

_Static_assert(sizeof(struct kho_block_header_ser) == 16, "kho_block_header_ser");

void each_block_entry(phys_addr_t first, u64 size, const char *what, void (*entry)(const void *))
{
	u64 capacity = (page_size - sizeof(struct kho_block_header_ser)) / size;
	u64 blocks = 0, i;
	phys_addr_t at = first;

	while (at) {
		u8 *page = read_page(at, what);
		const struct kho_block_header_ser *header = (const void *)page;

		/* A circle has no end either. */
		if (++blocks > KHO_MAX_BLOCKS)
			refuse("%s: more than %d blocks", what, KHO_MAX_BLOCKS);
		block_at(at >> page_shift, what);
		if (header->count == 0 || header->count > capacity)
			refuse("%s: block 0x%llx has %llu entries, %llu fit", what, (unsigned long long)at,
			       (unsigned long long)header->count, (unsigned long long)capacity);
		if (header->next && header->count != capacity)
			refuse("%s: block 0x%llx is not full and not the last", what, (unsigned long long)at);
		for (i = 0; i < header->count; i++)
			entry(page + sizeof(*header) + i * size);
		at = header->next;
		free(page);
	}
}
