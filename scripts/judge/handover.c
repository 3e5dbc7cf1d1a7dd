/*
 * A strict receiver of a handover. It is told which generation the image is of,
 * prints what it was handed over, and ends with status 1 and a message where
 * something does not hold.
 *
 *   handover --page=4096 --kho=v4 [--luo=v5] [--memfd=v2] [--root=ADDRESS] [--fdt=DIRECTORY] CORE
 */
#include <libfdt.h>
#include <string.h>

#include "handover.h"

static const struct kho *const khos[] = { &kho_v1a, &kho_v1b, &kho_v2, &kho_v2_first, &kho_v3, &kho_v4 };
static const struct luo *const luos[] = { &luo_v1_619, &luo_v1, &luo_v2, &luo_v3, &luo_v4, &luo_v5 };
static const struct memfd *const memfds[] = { &memfd_v1, &memfd_v2 };

static const char *option(const char *argument, const char *name)
{
	u64 length = strlen(name);

	return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

static void read_blob(const struct kho *kho, const struct luo *luo, const struct blob *blob)
{
	if (strcmp(blob->name, "LUO") == 0 && luo)
		luo->read(blob);
	else if (strcmp(blob->name, "memblock") == 0)
		read_memblock(blob);
	else if (strcmp(blob->name, "kexec-metadata") == 0 && kho->has_metadata)
		read_kexec_metadata(blob);
	else if (strcmp(blob->name, "kho_test") == 0)
		read_kho_test(blob, kho->inline_test_folios);
	else if (fdt_size_at(blob->address))
		open_fdt(blob);
}

int main(int count, char **arguments)
{
	const struct kho *kho = NULL;
	const struct luo *luo = NULL;
	const char *file = NULL, *value;
	phys_addr_t root = 0, map;
	const void *fdt;
	u64 j;
	int i, node;

	for (i = 1; i < count; i++) {
		if ((value = option(arguments[i], "--page="))) {
			set_page_size(value);
		} else if ((value = option(arguments[i], "--kho="))) {
			for (j = 0; j < array_size(khos); j++)
				if (strcmp(khos[j]->name, value) == 0)
					kho = khos[j];
			if (!kho)
				misused("no generation %s of KHO", value);
		} else if ((value = option(arguments[i], "--luo="))) {
			for (j = 0; j < array_size(luos); j++)
				if (strcmp(luos[j]->name, value) == 0)
					luo = luos[j];
			if (!luo)
				misused("no generation %s of LUO", value);
		} else if ((value = option(arguments[i], "--memfd="))) {
			for (j = 0; j < array_size(memfds); j++)
				if (strcmp(memfds[j]->compatible + strlen("memfd-"), value) == 0)
					memfd_handler = memfds[j];
			if (!memfd_handler)
				misused("no generation %s of memfd", value);
		} else if ((value = option(arguments[i], "--root="))) {
			root = parse_u64(value);
		} else if ((value = option(arguments[i], "--fdt="))) {
			fdt_directory = value;
		} else if (file || arguments[i][0] == '-') {
			misused("what is %s?", arguments[i]);
		} else {
			file = arguments[i];
		}
	}
	if (!kho || !page_size || !file)
		misused("usage: handover --page=SIZE --kho=GENERATION [--luo=GENERATION] [--memfd=GENERATION] "
			"[--root=ADDRESS] [--fdt=DIRECTORY] CORE");
	open_core(file);
	if (!root)
		root = find_root();
	fdt = open_root(root, kho->compatible, &map);
	kho->read_map(map);
	end_of_map();
	if (kho->root_preserved)
		need_preserved(root, page_size, "root");
	fdt_for_each_subnode(node, fdt, 0) {
		struct blob blob = { .name = fdt_get_name(fdt, node, NULL) };

		if (fdt_subnode_offset(fdt, 0, blob.name) != node)
			refuse("root: two nodes %s", blob.name);
		kho->read_blob(fdt, node, &blob);
		if (blob.address % page_size)
			refuse("%s: 0x%llx is not the address of a page", blob.name, (unsigned long long)blob.address);
		need_preserved(blob.address, blob.size, blob.name);
		line("entry");
		put_text("name", blob.name, strlen(blob.name));
		put_u64("address", blob.address);
		if (!blob.size_unknown)
			put_u64("size", blob.size);
		end_line();
		read_blob(kho, luo, &blob);
	}
	if (kexec_count && kexec_count < liveupdate_num)
		refuse("%u kexecs, but %llu live updates", kexec_count, (unsigned long long)liveupdate_num);
	return 0;
}
