/* W2: folios { u64 pfn:52, flags:12; u64 index } summarised as runs of page frames. */
#include "common.h"

struct folio {
	uint64_t pfn_flags, index;
};

#define PFN(folio) ((folio).pfn_flags & 0xfffffffffffffULL)

static size_t count, nr_runs;
static struct folio *folios;
static uint64_t *starts;
static uint32_t *lengths;

static void pass(void)
{
	size_t n = 0;

	for (size_t i = 0; i < count; n++) {
		uint64_t start = PFN(folios[i]), next = start + 1;
		size_t from = i++;

		while (i < count && PFN(folios[i]) == next) {
			next++;
			i++;
		}
		starts[n] = start;
		lengths[n] = i - from;
	}
	nr_runs = n;
}

static uint32_t checksum(void)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < nr_runs; i++)
		hash = add_word(add_u64(hash, starts[i]), lengths[i]);
	return hash;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	count = strtoul(argv[1], NULL, 10);
	folios = must_alloc(count * sizeof(*folios));
	if (fread(folios, sizeof(*folios), count, stdin) != count)
		return 1;
	starts = must_alloc(count * sizeof(*starts));
	lengths = must_alloc(count * sizeof(*lengths));
	return rounds(pass, checksum);
}
