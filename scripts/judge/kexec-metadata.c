/* Linux 7.1 and later: which kernel it was, and how often it was kexeced. */
#include "handover.h"

#define NEW_UTS_LEN 64

struct kho_kexec_metadata {
	u32 version;
	char previous_release[NEW_UTS_LEN + 1];
	u32 kexec_count;
} __packed;

_Static_assert(sizeof(struct kho_kexec_metadata) == 73, "kho_kexec_metadata");

u32 kexec_count;

void read_kexec_metadata(const struct blob *blob)
{
	struct kho_kexec_metadata metadata;
	u64 length;

	if (blob->size < sizeof(metadata))
		refuse("kexec-metadata: %llu bytes", (unsigned long long)blob->size);
	read_memory(blob->address, &metadata, sizeof(metadata), "kexec-metadata");
	if (metadata.version != 1)
		refuse("kexec-metadata: version %u", metadata.version);
	if (metadata.kexec_count == 0)
		refuse("kexec-metadata: count 0");
	kexec_count = metadata.kexec_count;
	length = text_length(metadata.previous_release, sizeof(metadata.previous_release), "previous_release");
	line("kexec-metadata");
	put_number("version", metadata.version);
	put_text("previous_release", metadata.previous_release, length);
	put_number("kexec_count", metadata.kexec_count);
	end_line();
}
