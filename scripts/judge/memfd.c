/* The folios of memfds, which both generations describe alike. */
#include <stdlib.h>
#include <string.h>

#include "handover.h"

#define MEMFD_LUO_FOLIO_DIRTY 0x1
#define MEMFD_LUO_FOLIO_UPTODATE 0x2

struct memfd_luo_folio_ser {
	u64 pfn:52;
	u64 flags:12;
	u64 index;
} __packed;

_Static_assert(sizeof(struct memfd_luo_folio_ser) == 16, "memfd_luo_folio_ser");

const struct memfd *memfd_handler;

struct run {
	u64 pfn;
	u64 index;
	u64 count;
	unsigned int order;
	unsigned int flags;
};
struct extent {
	u64 start;
	u64 end;
};
/* The memory of all files, to see that none has two owners. */
static struct extent *owned;
static u64 nr_owned, owned_room;

static int by_start(const void *a, const void *b)
{
	const struct extent *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

static void need_disjoint(struct extent *extents, u64 count, const char *what)
{
	u64 i;

	qsort(extents, count, sizeof(*extents), by_start);
	for (i = 1; i < count; i++)
		if (extents[i].start < extents[i - 1].end)
			refuse("memfd: %s 0x%llx twice", what, (unsigned long long)extents[i].start);
}

static bool continues(const struct run *run, const struct run *next)
{
	return run->order == next->order && run->flags == next->flags &&
	       run->pfn + (run->count << run->order) == next->pfn &&
	       run->index + (run->count << run->order) == next->index;
}

static struct run folio(const struct memfd_luo_folio_ser *ser, u64 pages)
{
	unsigned int order = block_at(ser->pfn, "folio");

	if (ser->flags & ~(u64)(MEMFD_LUO_FOLIO_DIRTY | MEMFD_LUO_FOLIO_UPTODATE))
		refuse("folio 0x%llx: flags 0x%x", (unsigned long long)ser->pfn, (unsigned int)ser->flags);
	if (ser->index & ((1ull << order) - 1))
		refuse("folio 0x%llx: index 0x%llx, order %u", (unsigned long long)ser->pfn,
		       (unsigned long long)ser->index, order);
	/* A large last folio may reach beyond the end of the file, but not begin there. */
	if (ser->index >= pages)
		refuse("folio 0x%llx: index 0x%llx is beyond the file", (unsigned long long)ser->pfn,
		       (unsigned long long)ser->index);
	return (struct run){ ser->pfn, ser->index, 1, order, (unsigned int)ser->flags };
}

void print_folios(u64 size, u64 nr_folios, const struct kho_vmalloc *area)
{
	static const struct kho_vmalloc unused;
	u64 pages = size / page_size + (size % page_size != 0);
	u64 per_page = page_size / sizeof(struct memfd_luo_folio_ser);
	u64 i, j, nr_runs = 0, room = 0;
	struct run *runs = NULL;
	struct extent *indices;
	phys_addr_t *array;

	if (nr_folios == 0) {
		if (memcmp(area, &unused, sizeof(unused)))
			refuse("memfd: no folios, but an array of them");
		return;
	}
	if (nr_folios > pages)
		refuse("memfd: %llu folios in %llu pages", (unsigned long long)nr_folios, (unsigned long long)pages);
	array = restore_vmalloc(area, "memfd folios");
	if ((nr_folios + per_page - 1) / per_page > area->total_pages)
		refuse("memfd: %llu folios in an array of %u pages", (unsigned long long)nr_folios, area->total_pages);
	for (i = 0; i < nr_folios; i += per_page) {
		struct memfd_luo_folio_ser *page = read_page(array[i / per_page], "memfd folios");

		for (j = 0; j < per_page && i + j < nr_folios; j++) {
			struct run next;

			/* The kernel skips these too. */
			if (page[j].pfn == 0)
				continue;
			next = folio(&page[j], pages);
			if (nr_runs && continues(&runs[nr_runs - 1], &next)) {
				runs[nr_runs - 1].count++;
				continue;
			}
			runs = grow(runs, nr_runs, &room, sizeof(*runs));
			runs[nr_runs++] = next;
		}
		free(page);
	}
	indices = reserve(nr_runs, sizeof(*indices));
	for (i = 0; i < nr_runs; i++) {
		u64 length = runs[i].count << runs[i].order;

		indices[i] = (struct extent){ runs[i].index, runs[i].index + length };
		owned = grow(owned, nr_owned, &owned_room, sizeof(*owned));
		owned[nr_owned++] = (struct extent){ runs[i].pfn, runs[i].pfn + length };
		line("folios");
		put_u64("pfn", runs[i].pfn);
		put_u64("index", runs[i].index);
		put_number("order", runs[i].order);
		put_number("flags", runs[i].flags);
		put_number("count", runs[i].count);
		end_line();
	}
	need_disjoint(indices, nr_runs, "index");
	free(indices);
	free(runs);
	free(array);
}

void end_of_files(void)
{
	need_disjoint(owned, nr_owned, "page frame");
}
