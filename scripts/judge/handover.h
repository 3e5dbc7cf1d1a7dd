/*
 * The parts of a handover, as the generations compose them. Each generation has
 * its own file; what several generations have in common has one too.
 */
#ifndef JUDGE_HANDOVER_H
#define JUDGE_HANDOVER_H

#include "core.h"

#define MAX_PHYSADDR_BITS 52

/* A blob that a sub-node of the root points at. */
struct blob {
	const char *name;
	phys_addr_t address;
	u64 size;
	/* Not told by the root, and not a device tree that tells it itself. */
	bool size_unknown;
};

/* preserved.c: the blocks that the map names, as merged ranges. */
void preserve_block(u64 pfn, unsigned int order);
/* A page of the map itself, which the map must not name, nor reach twice. */
void map_page(phys_addr_t address);
void end_of_map(void);
/* The order of the block that begins with the page frame; refuses if there is none. */
unsigned int block_at(u64 pfn, const char *what);
void need_preserved(phys_addr_t address, u64 length, const char *what);

/* root.c: the root device tree. */
phys_addr_t find_root(void);
/* A sub-node at a time; offset -1 begins. */
const void *open_root(phys_addr_t root, const char *compatible, phys_addr_t *map);
u64 native_u64(const void *fdt, int node, const char *property);
u32 native_u32(const void *fdt, int node, const char *property);
void need_compatible(const void *fdt, int node, const char *compatible, const char *what);
/* Checks a device tree in memory, prints it, keeps it for fdtdump, and gives a copy. */
const void *open_fdt(const struct blob *blob);
void keep_fdt(const char *name, phys_addr_t address, const void *fdt);
extern const char *fdt_directory;
/* The size that a device tree at the address has; 0 if there is none. */
u64 fdt_size_at(phys_addr_t address);

/* One per generation of KHO. */
struct kho {
	const char *name;
	const char *compatible;
	/* 6.16 and 6.17 had other bytes under the name of kho_test's folios. */
	bool inline_test_folios;
	bool has_metadata;
	/* Whether the root device tree itself is named by the map. */
	bool root_preserved;
	void (*read_map)(phys_addr_t map);
	void (*read_blob)(const void *root, int node, struct blob *blob);
};
extern const struct kho kho_v1a, kho_v1b, kho_v2, kho_v2_first, kho_v3, kho_v4;
void blob_of_fdt(const void *root, int node, struct blob *blob);
void blob_with_size(const void *root, int node, struct blob *blob);
void read_chunks(phys_addr_t first, u64 bits, u64 alignment);
void read_radix(phys_addr_t root, unsigned int depth, bool order0_bit_lost);
unsigned int radix_depth(void);

/* vmalloc.c */
struct kho_vmalloc {
	union {
		phys_addr_t first;
		void *kernel;
	};
	u32 total_pages;
	u16 flags;
	u16 order;
};
/* The address of each page of the area. */
phys_addr_t *restore_vmalloc(const struct kho_vmalloc *area, const char *what);

/* blocks.c: calls for each entry. */
void each_block_entry(phys_addr_t first, u64 size, const char *what, void (*entry)(const void *));

/* One per generation of LUO. */
struct luo {
	const char *name;
	void (*read)(const struct blob *blob);
};
extern const struct luo luo_v1_619, luo_v1, luo_v2, luo_v3, luo_v4, luo_v5;

#define LIVEUPDATE_SESSION_NAME_LENGTH 64
#define LIVEUPDATE_HNDL_COMPAT_LENGTH 48

struct luo_file_set_ser {
	u64 files;
	u64 count;
} __packed;

struct luo_session_ser {
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	struct luo_file_set_ser file_set_ser;
} __packed;

struct luo_file_ser {
	char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH];
	u64 data;
	u64 token;
} __packed;

_Static_assert(sizeof(struct kho_vmalloc) == 16, "kho_vmalloc");
_Static_assert(sizeof(struct luo_session_ser) == 80, "luo_session_ser");
_Static_assert(sizeof(struct luo_file_ser) == 64, "luo_file_ser");

/* luo.c: what all generations of LUO do alike. */
extern u64 liveupdate_num;
void print_luo(const char *compatible, u64 number);
void add_session(const void *session);
void add_file(const void *file);
/* Sessions in contiguous pages (v1 to v3), files in contiguous pages (v1 to v4). */
void sessions_in_pages(phys_addr_t header);
void files_in_pages(const struct luo_file_set_ser *set);
/* Reads the files of all sessions that were added, and prints. */
void print_sessions(void (*files)(const struct luo_file_set_ser *set));
void print_flbs(phys_addr_t page);

/* One per generation of memfd. */
struct memfd {
	const char *compatible;
	void (*read)(phys_addr_t data);
};
extern const struct memfd memfd_v1, memfd_v2;
extern const struct memfd *memfd_handler;
/* memfd.c: what both have in common. */
void print_folios(u64 size, u64 nr_folios, const struct kho_vmalloc *folios);
void end_of_files(void);

void read_memblock(const struct blob *blob);
extern u32 kexec_count;
void read_kexec_metadata(const struct blob *blob);
void read_kho_test(const struct blob *blob, bool inline_folios);

#endif
