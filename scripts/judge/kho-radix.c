/* The map of kho-v2 and later: a radix tree over keys that hold an address and an order. */
#include <stdlib.h>

#include "handover.h"

/* A node is a page of pointers, a leaf a page of bits. */
#define NODE_LG2 (page_shift - 3)
#define LEAF_LG2 (page_shift + 3)
#define ORDER0_BIT (64 - page_shift)

static bool lost_bit;

/* ceil((order-0 bit - leaf bits + 1) / node bits) + 1 */
unsigned int radix_depth(void)
{
	unsigned int bits = ORDER0_BIT - LEAF_LG2 + 1;

	return (bits + NODE_LG2 - 1) / NODE_LG2 + 1;
}

static void key_found(u64 key)
{
	unsigned int top, order;

	if (key == 0)
		refuse("radix: key 0");
	top = 63 - (unsigned int)__builtin_clzll(key);
	if (top > ORDER0_BIT)
		refuse("radix: key 0x%llx has no order", (unsigned long long)key);
	order = ORDER0_BIT - top;
	/*
	 * Where the tree is too flat to hold the bit of order 0, the top bit of such
	 * a key is one of the page frame number. No block has an order so large.
	 */
	if (lost_bit && order > 20) {
		preserve_block(key, 0);
		return;
	}
	preserve_block((key ^ 1ull << top) << order, order);
}

static void walk(phys_addr_t address, unsigned int level, u64 prefix)
{
	u64 *table;
	u64 i;

	if (level == 0) {
		u64 word, bit;

		table = read_page(address, "radix leaf");
		map_page(address);
		for (word = 0; word < page_size / 8; word++)
			for (bit = 0; table[word] && bit < 64; bit++)
				if (table[word] >> bit & 1)
					key_found(prefix | word * 64 | bit);
		free(table);
		return;
	}
	table = read_page(address, "radix node");
	map_page(address);
	for (i = 0; i < page_size / 8; i++) {
		unsigned int shift = (level - 1) * NODE_LG2 + LEAF_LG2;

		if (!table[i])
			continue;
		if (shift >= 64 || i << shift >> shift != i)
			refuse("radix node 0x%llx: slot %llu is beyond the keys", (unsigned long long)address,
			       (unsigned long long)i);
		walk(table[i], level - 1, prefix | i << shift);
	}
	free(table);
}

void read_radix(phys_addr_t root, unsigned int depth, bool order0_bit_lost)
{
	lost_bit = order0_bit_lost;
	walk(root, depth - 1, 0);
}
