/*
 * Folios { u64 pfn:52, flags:12; u64 index } of a file as runs of folios that follow each other in the file and in
 * memory and have the same flags. "plain" does no more than that, for folios of one page; "preserved" does what
 * carryover's FolioReader does: it looks each run up in the map of preserved memory, which tells the order of its
 * folios, takes runs whose page frames descend, and counts what is wrong with them.
 */
#include <string.h>
#include "common.h"

#define PFN_BITS 52
#define PFN_MASK ((1ULL << PFN_BITS) - 1)
#define KNOWN_FLAGS 3

struct folio {
	uint64_t pfn_flags, index;
};
struct run {
	uint64_t index, pfn, count;
	uint32_t order, flags;
	int down;
};
/* The place of the first one is kept with each count of faults. */
struct fault {
	uint64_t count, first;
};

static size_t count, nr_ranges, nr_runs;
static struct folio *folios;
static uint64_t *range_start, *range_count;
static uint8_t *range_order;
static uint64_t file_pages;
static struct run *runs;
static struct fault unpreserved, unknown_flags, misaligned, unordered, beyond;
static uint64_t none;

static void plain(void)
{
	size_t n = 0;

	for (size_t i = 0; i < count; n++) {
		const size_t from = i++;
		uint64_t pfn_flags = folios[from].pfn_flags + 1, index = folios[from].index + 1;

		while (i < count && folios[i].pfn_flags == pfn_flags && folios[i].index == index) {
			pfn_flags++;
			index++;
			i++;
		}
		runs[n] = (struct run){
			.index = folios[from].index,
			.pfn = folios[from].pfn_flags & PFN_MASK,
			.count = i - from,
			.flags = folios[from].pfn_flags >> PFN_BITS,
		};
	}
	nr_runs = n;
}

static void note(struct fault *fault, uint64_t number, uint64_t first)
{
	if (!fault->count)
		fault->first = first;
	fault->count += number;
}

/* The last range that starts at or before the page frame, if it is in it. */
static int seek(uint64_t pfn, uint64_t *start, uint64_t *end, uint32_t *order)
{
	/* Behind the range that was found last; the one after it is tried first, as carryover does. */
	static size_t low;
	size_t high = nr_ranges;

	if (low < nr_ranges && range_start[low] <= pfn && (low + 1 == nr_ranges || range_start[low + 1] > pfn)) {
		low++;
	} else {
		low = 0;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (range_start[middle] <= pfn)
				low = middle + 1;
			else
				high = middle;
		}
	}
	if (!low)
		return 0;
	*order = range_order[low - 1];
	*start = range_start[low - 1];
	*end = *start + (range_count[low - 1] << *order);
	return pfn < *end;
}

static void preserved(void)
{
	struct run run = { 0 };
	uint64_t start = 0, end = 0, next_pfn = 0, next_index = 0, reach = 0;
	uint32_t range_order = 0;

	nr_runs = 0;
	none = 0;
	unpreserved = unknown_flags = misaligned = unordered = beyond = (struct fault){ 0 };

	for (size_t i = 0; i <= count; i++) {
		uint64_t pfn = 0, index = 0;
		uint32_t flags = 0, order = 0;
		int is_known;

		if (i < count) {
			pfn = folios[i].pfn_flags & PFN_MASK;
			flags = folios[i].pfn_flags >> PFN_BITS;
			index = folios[i].index;
			if (run.count && pfn == next_pfn && index == next_index && flags == run.flags &&
			    pfn >= start && pfn < end) {
				run.count++;
				next_pfn += run.down ? -(1ULL << run.order) : 1ULL << run.order;
				next_index += 1ULL << run.order;
				continue;
			}
		}
		if (pfn) {
			is_known = ((pfn >= start && pfn < end) || seek(pfn, &start, &end, &range_order)) &&
				   !((pfn - start) & ((1ULL << range_order) - 1));
			if (is_known) {
				order = range_order;
			} else {
				start = end = 0;
				note(&unpreserved, 1, pfn);
			}
			if (run.count && index == next_index && flags == run.flags && order == run.order) {
				if (pfn == next_pfn) {
					run.count++;
					next_pfn += run.down ? -(1ULL << order) : 1ULL << order;
					next_index += 1ULL << order;
					continue;
				}
				if (run.count == 1 && pfn == run.pfn - (1ULL << order)) {
					run.count = 2;
					run.down = 1;
					next_pfn = pfn - (1ULL << order);
					next_index += 1ULL << order;
					continue;
				}
			}
		}
		if (run.count) {
			const uint64_t run_end = run.index + (run.count << run.order);

			if (run_end - (1ULL << run.order) >= file_pages) {
				const uint64_t room = file_pages > run.index ? file_pages - run.index : 0;
				const uint64_t inside = (room + (1ULL << run.order) - 1) >> run.order;

				note(&beyond, run.count - inside, run.index + (inside << run.order));
			}
			if (run_end > reach)
				reach = run_end;
			runs[nr_runs++] = run;
			run.count = 0;
		}
		if (i == count)
			break;
		if (!pfn) {
			none++;
			continue;
		}
		if (flags & ~KNOWN_FLAGS)
			note(&unknown_flags, 1, index);
		if (index & ((1ULL << order) - 1))
			note(&misaligned, 1, index);
		if (index < reach)
			note(&unordered, 1, index);
		run = (struct run){ .index = index, .pfn = pfn, .count = 1, .order = order, .flags = flags };
		next_pfn = pfn + (1ULL << order);
		next_index = index + (1ULL << order);
	}
}

static uint32_t checksum(void)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < nr_runs; i++) {
		hash = add_u64(add_u64(hash, runs[i].index), runs[i].pfn);
		hash = add_word(add_word(hash, runs[i].count), runs[i].flags);
	}
	return add_word(hash, none + unpreserved.count + unknown_flags.count + misaligned.count +
			unordered.count + beyond.count);
}

static void *read_all(size_t number, size_t size)
{
	void *memory = must_alloc(number * size);

	if (fread(memory, size, number, stdin) != number)
		exit(1);
	return memory;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	nr_ranges = strtoul(argv[3], NULL, 10);
	file_pages = strtoul(argv[4], NULL, 10);
	folios = read_all(count, sizeof(*folios));
	range_start = read_all(nr_ranges, sizeof(*range_start));
	range_count = read_all(nr_ranges, sizeof(*range_count));
	range_order = read_all(nr_ranges, sizeof(*range_order));
	runs = must_alloc(count * sizeof(*runs));
	return rounds(strcmp(argv[1], "plain") ? preserved : plain, checksum);
}
