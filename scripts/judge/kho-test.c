/* The kernel's own test of KHO: folios, in a property (6.17) or in a vmalloc area (6.18 and later). */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "handover.h"

#define KHO_TEST_MAGIC 0x4b484f21

static void print_folio(u64 info)
{
	u64 address = info & ~(page_size - 1);
	unsigned int order = (unsigned int)(info & (page_size - 1));

	if (block_at(address >> page_shift, "kho_test folio") != order)
		refuse("kho_test: folio 0x%llx is not preserved with order %u", (unsigned long long)address, order);
	line("kho-test-folio");
	put_u64("address", address);
	put_number("order", order);
	end_line();
}

void read_kho_test(const struct blob *blob, bool inline_folios)
{
	const void *fdt = open_fdt(blob);
	const void *property;
	int data, length;
	u32 count, i;

	need_compatible(fdt, 0, "kho-test-v1", "kho_test");
	if (native_u32(fdt, 0, "magic") != KHO_TEST_MAGIC)
		refuse("kho_test: magic 0x%x", native_u32(fdt, 0, "magic"));
	data = fdt_path_offset(fdt, "/data");
	if (data < 0)
		refuse("kho_test: no node /data");
	count = native_u32(fdt, data, "nr_folios");
	property = fdt_getprop(fdt, data, "folios_info", &length);
	if (!property)
		refuse("kho_test: no folios_info");
	line("kho-test");
	put_number("nr_folios", count);
	put_number("csum", native_u32(fdt, data, "csum"));
	end_line();
	if (inline_folios) {
		if ((u64)length != (u64)count * sizeof(u64))
			refuse("kho_test: %d bytes for %u folios", length, count);
		for (i = 0; i < count; i++) {
			u64 info;

			memcpy(&info, (const u8 *)property + i * sizeof(info), sizeof(info));
			print_folio(info);
		}
	} else {
		struct kho_vmalloc area;
		phys_addr_t *pages;

		if (length != sizeof(area))
			refuse("kho_test: folios_info has %d bytes", length);
		memcpy(&area, property, sizeof(area));
		/* Dumps that were cut to the metadata may lack what only the test itself owns. */
		if (area.first && !has_memory(area.first, page_size)) {
			block_at(area.first >> page_shift, "kho_test folios_info");
			line("absent");
			put_u64("address", area.first);
			end_line();
			return;
		}
		pages = restore_vmalloc(&area, "kho_test folios_info");
		if ((u64)count * sizeof(u64) > (u64)area.total_pages * page_size)
			refuse("kho_test: %u folios in %u pages", count, area.total_pages);
		for (i = 0; i < count; i++) {
			u64 at = i * sizeof(u64), info;

			read_memory(pages[at / page_size] + at % page_size, &info, sizeof(info), "kho_test folios_info");
			print_folio(info);
		}
		free(pages);
	}
}
