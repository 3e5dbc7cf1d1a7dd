/* The map of preserved memory, when it has been read: ranges of blocks of one order. */
#include <stdlib.h>

#include "handover.h"

struct range {
	u64 pfn;
	u64 count;
	unsigned int order;
};
static struct range *ranges;
static u64 nr_ranges, room;

static phys_addr_t *map_pages;
static u64 nr_map_pages, map_room;

static u64 end_of(const struct range *range)
{
	return range->pfn + (range->count << range->order);
}

void preserve_block(u64 pfn, unsigned int order)
{
	struct range *last = nr_ranges ? &ranges[nr_ranges - 1] : NULL;

	if (order + page_shift > MAX_PHYSADDR_BITS)
		refuse("map: a block of order %u", order);
	if (pfn & ((1ull << order) - 1))
		refuse("map: block 0x%llx is not aligned to its order %u", (unsigned long long)pfn, order);
	if ((pfn + (1ull << order)) << page_shift > 1ull << MAX_PHYSADDR_BITS ||
	    pfn > (1ull << (MAX_PHYSADDR_BITS - page_shift)))
		refuse("map: block 0x%llx is beyond physical memory", (unsigned long long)pfn);
	if (last && last->order == order && end_of(last) == pfn) {
		last->count++;
		return;
	}
	ranges = grow(ranges, nr_ranges, &room, sizeof(*ranges));
	ranges[nr_ranges++] = (struct range){ pfn, 1, order };
}

void map_page(phys_addr_t address)
{
	map_pages = grow(map_pages, nr_map_pages, &map_room, sizeof(*map_pages));
	map_pages[nr_map_pages++] = address;
}

static int by_pfn(const void *a, const void *b)
{
	const struct range *left = a, *right = b;

	return (left->pfn > right->pfn) - (left->pfn < right->pfn);
}

static int by_address(const void *a, const void *b)
{
	const phys_addr_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The last range that begins at or below the page frame. */
static const struct range *range_of(u64 pfn)
{
	u64 low = 0, high = nr_ranges;

	while (low < high) {
		u64 middle = (low + high) / 2;

		if (ranges[middle].pfn <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || pfn >= end_of(&ranges[low - 1]))
		return NULL;
	return &ranges[low - 1];
}

void end_of_map(void)
{
	u64 i, kept = 0;

	qsort(ranges, nr_ranges, sizeof(*ranges), by_pfn);
	for (i = 0; i < nr_ranges; i++) {
		struct range *last = kept ? &ranges[kept - 1] : NULL;

		if (last && ranges[i].pfn < end_of(last))
			refuse("map: page frame 0x%llx is preserved twice", (unsigned long long)ranges[i].pfn);
		if (last && last->order == ranges[i].order && end_of(last) == ranges[i].pfn)
			last->count += ranges[i].count;
		else
			ranges[kept++] = ranges[i];
	}
	nr_ranges = kept;
	qsort(map_pages, nr_map_pages, sizeof(*map_pages), by_address);
	for (i = 0; i < nr_map_pages; i++) {
		if (i && map_pages[i] == map_pages[i - 1])
			refuse("map: 0x%llx is reached twice", (unsigned long long)map_pages[i]);
		if (range_of(map_pages[i] >> page_shift))
			refuse("map: its own 0x%llx is preserved", (unsigned long long)map_pages[i]);
	}
	for (i = 0; i < nr_ranges; i++) {
		line("preserved");
		put_u64("pfn", ranges[i].pfn);
		put_number("order", ranges[i].order);
		put_number("count", ranges[i].count);
		end_line();
	}
}

unsigned int block_at(u64 pfn, const char *what)
{
	const struct range *range = range_of(pfn);

	if (!range)
		refuse("%s: page frame 0x%llx is not preserved", what, (unsigned long long)pfn);
	if ((pfn - range->pfn) & ((1ull << range->order) - 1))
		refuse("%s: page frame 0x%llx is not the start of a preserved block", what, (unsigned long long)pfn);
	return range->order;
}

void need_preserved(phys_addr_t address, u64 length, const char *what)
{
	u64 pfn = address >> page_shift;
	u64 last = (address + length - 1) >> page_shift;

	if (length == 0 || address + length < address)
		refuse("%s: %llu bytes at 0x%llx", what, (unsigned long long)length, (unsigned long long)address);
	while (pfn <= last) {
		const struct range *range = range_of(pfn);

		if (!range)
			refuse("%s: page frame 0x%llx is not preserved", what, (unsigned long long)pfn);
		pfn = end_of(range);
	}
}
