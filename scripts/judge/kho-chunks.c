/* The map of kho-v1: a list of chunks, each a page of pointers to bitmaps of one order. */
#include <stdlib.h>

#include "handover.h"

struct khoser_mem_chunk;

struct khoser_mem_bitmap_ptr {
	phys_addr_t phys_start;
	union {
		phys_addr_t bitmap;
		void *kernel_bitmap;
	};
};

struct khoser_mem_chunk_hdr {
	union {
		phys_addr_t next;
		struct khoser_mem_chunk *kernel_next;
	};
	unsigned int order;
	unsigned int num_elms;
};

struct khoser_mem_chunk {
	struct khoser_mem_chunk_hdr hdr;
	struct khoser_mem_bitmap_ptr bitmaps[];
};

_Static_assert(sizeof(struct khoser_mem_chunk_hdr) == 16, "khoser_mem_chunk_hdr");
_Static_assert(sizeof(struct khoser_mem_bitmap_ptr) == 16, "khoser_mem_bitmap_ptr");

void read_chunks(phys_addr_t first, u64 bits, u64 alignment)
{
	u64 capacity = (page_size - sizeof(struct khoser_mem_chunk_hdr)) / sizeof(struct khoser_mem_bitmap_ptr);
	u8 *bitmap = reserve(1, bits / 8);
	u64 seen = 0;
	unsigned int order = 0;
	phys_addr_t at;

	for (at = first; at;) {
		struct khoser_mem_chunk *chunk = read_page(at, "chunk");
		unsigned int i;

		if (++seen > 1000000)
			refuse("chunk: the list does not end");
		map_page(at);
		if (chunk->hdr.num_elms > capacity)
			refuse("chunk 0x%llx: %u bitmaps, %llu fit", (unsigned long long)at, chunk->hdr.num_elms,
			       (unsigned long long)capacity);
		if (chunk->hdr.order < order)
			refuse("chunk 0x%llx: order %u after order %u", (unsigned long long)at, chunk->hdr.order, order);
		order = chunk->hdr.order;
		/* The kernel computes the length of a block in an int. */
		if (order + page_shift >= 31)
			refuse("chunk 0x%llx: order %u", (unsigned long long)at, order);
		for (i = 0; i < capacity; i++) {
			struct khoser_mem_bitmap_ptr *ptr = &chunk->bitmaps[i];
			u64 bit;

			if (i >= chunk->hdr.num_elms) {
				if (ptr->phys_start || ptr->bitmap)
					refuse("chunk 0x%llx: not zero after its bitmaps", (unsigned long long)at);
				continue;
			}
			if (ptr->phys_start % (bits << (order + page_shift)))
				refuse("chunk 0x%llx: bitmap %u begins at 0x%llx", (unsigned long long)at, i,
				       (unsigned long long)ptr->phys_start);
			if (ptr->bitmap == 0 || ptr->bitmap % alignment)
				refuse("chunk 0x%llx: bitmap %u is at 0x%llx", (unsigned long long)at, i,
				       (unsigned long long)ptr->bitmap);
			map_page(ptr->bitmap);
			read_memory(ptr->bitmap, bitmap, bits / 8, "bitmap");
			for (bit = 0; bit < bits; bit++)
				if (bitmap[bit / 8] >> (bit % 8) & 1)
					preserve_block((ptr->phys_start >> page_shift) + (bit << order), order);
		}
		at = chunk->hdr.next;
		free(chunk);
	}
	free(bitmap);
}
