/* Sessions, files and FLBs, in what the generations of LUO have in common. */
#include <stdlib.h>
#include <string.h>

#include "handover.h"

struct luo_session_header_ser {
	u64 count;
} __packed;

struct luo_flb_header_ser {
	u64 pgcnt;
	u64 count;
} __packed;

struct luo_flb_ser {
	char name[48];
	u64 data;
	u64 count;
} __packed;

_Static_assert(sizeof(struct luo_flb_ser) == 64, "luo_flb_ser");

static struct luo_session_ser *sessions;
static u64 nr_sessions, session_room;

static struct luo_file_ser *files;
static u64 nr_files, file_room, total_files;

u64 liveupdate_num;

void print_luo(const char *compatible, u64 number)
{
	liveupdate_num = number;
	if (number == 0)
		refuse("luo: live update number 0");
	line("luo");
	put_text("compatible", compatible, strlen(compatible));
	put_u64("liveupdate_num", number);
	end_line();
}

void add_session(const void *session)
{
	sessions = grow(sessions, nr_sessions, &session_room, sizeof(*sessions));
	memcpy(&sessions[nr_sessions++], session, sizeof(*sessions));
}

void add_file(const void *file)
{
	files = grow(files, nr_files, &file_room, sizeof(*files));
	memcpy(&files[nr_files++], file, sizeof(*files));
}

#define SESSION_PAGES 16
void sessions_in_pages(phys_addr_t address)
{
	u64 size = SESSION_PAGES * page_size, i;
	u64 capacity = (size - sizeof(struct luo_session_header_ser)) / sizeof(struct luo_session_ser);
	u8 *pages = reserve(1, size);
	const struct luo_session_header_ser *header = (const void *)pages;

	if (address == 0 || address % page_size)
		refuse("luo: sessions at 0x%llx", (unsigned long long)address);
	need_preserved(address, size, "luo sessions");
	read_memory(address, pages, size, "luo sessions");
	if (header->count > capacity)
		refuse("luo: %llu sessions, %llu fit", (unsigned long long)header->count, (unsigned long long)capacity);
	for (i = 0; i < header->count; i++)
		add_session(pages + sizeof(*header) + i * sizeof(struct luo_session_ser));
	free(pages);
}

#define FILE_PAGES 2
void files_in_pages(const struct luo_file_set_ser *set)
{
	u64 size = FILE_PAGES * page_size, i;
	u8 *pages = reserve(1, size);

	if (set->files % page_size)
		refuse("luo: files at 0x%llx", (unsigned long long)set->files);
	if (set->count > size / sizeof(struct luo_file_ser))
		refuse("luo: %llu files, %llu fit", (unsigned long long)set->count,
		       (unsigned long long)(size / sizeof(struct luo_file_ser)));
	need_preserved(set->files, size, "luo files");
	read_memory(set->files, pages, size, "luo files");
	for (i = 0; i < set->count; i++)
		add_file(pages + i * sizeof(struct luo_file_ser));
	free(pages);
}

static int by_name(const void *a, const void *b)
{
	return strncmp(a, b, LIVEUPDATE_SESSION_NAME_LENGTH);
}

static int by_value(const void *a, const void *b)
{
	const u64 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void check_names(void)
{
	struct luo_session_ser *sorted = reserve(nr_sessions, sizeof(*sorted));
	u64 i;

	if (nr_sessions)
		memcpy(sorted, sessions, nr_sessions * sizeof(*sorted));
	for (i = 0; i < nr_sessions; i++)
		if (text_length(sorted[i].name, sizeof(sorted[i].name), "session name") == 0)
			refuse("session %llu has no name", (unsigned long long)i);
	qsort(sorted, nr_sessions, sizeof(*sorted), by_name);
	for (i = 1; i < nr_sessions; i++)
		if (by_name(&sorted[i - 1], &sorted[i]) == 0)
			refuse("two sessions %s", sorted[i].name);
	free(sorted);
}

static void check_tokens(const char *session)
{
	u64 *tokens = reserve(nr_files, sizeof(*tokens));
	u64 i;

	for (i = 0; i < nr_files; i++)
		tokens[i] = files[i].token;
	qsort(tokens, nr_files, sizeof(*tokens), by_value);
	for (i = 1; i < nr_files; i++)
		if (tokens[i - 1] == tokens[i])
			refuse("session %s: token 0x%llx twice", session, (unsigned long long)tokens[i]);
	free(tokens);
}

static void print_files(void)
{
	u64 i;

	for (i = 0; i < nr_files; i++) {
		const struct luo_file_ser *file = &files[i];
		u64 length = text_length(file->compatible, sizeof(file->compatible), "file compatible");

		line("file");
		put_text("compatible", file->compatible, length);
		put_u64("token", file->token);
		put_u64("data", file->data);
		end_line();
		if (memfd_handler && strcmp(file->compatible, memfd_handler->compatible) == 0)
			memfd_handler->read(file->data);
		else if (strncmp(file->compatible, "memfd-", 6) == 0)
			refuse("file 0x%llx: no handler for %s", (unsigned long long)file->token, file->compatible);
	}
}

void print_sessions(void (*read)(const struct luo_file_set_ser *set))
{
	u64 i;

	check_names();
	for (i = 0; i < nr_sessions; i++) {
		const struct luo_session_ser *session = &sessions[i];

		line("session");
		put_text("name", session->name, strlen(session->name));
		end_line();
		nr_files = 0;
		if (!session->file_set_ser.files != !session->file_set_ser.count)
			refuse("session %s: %llu files at 0x%llx", session->name,
			       (unsigned long long)session->file_set_ser.count,
			       (unsigned long long)session->file_set_ser.files);
		if (session->file_set_ser.files)
			read(&session->file_set_ser);
		if (nr_files != session->file_set_ser.count)
			refuse("session %s: %llu files instead of %llu", session->name, (unsigned long long)nr_files,
			       (unsigned long long)session->file_set_ser.count);
		check_tokens(session->name);
		print_files();
		total_files += nr_files;
	}
	end_of_files();
}

void print_flbs(phys_addr_t address)
{
	u8 *page = read_page(address, "FLBs");
	const struct luo_flb_header_ser *header = (const void *)page;
	const struct luo_flb_ser *flbs = (const void *)(page + sizeof(*header));
	u64 capacity = (page_size - sizeof(*header)) / sizeof(*flbs);
	u64 i, j;

	need_preserved(address, page_size, "FLBs");
	if (header->pgcnt != 1)
		refuse("FLBs: %llu pages", (unsigned long long)header->pgcnt);
	if (header->count > capacity)
		refuse("FLBs: %llu, %llu fit", (unsigned long long)header->count, (unsigned long long)capacity);
	for (i = 0; i < header->count; i++) {
		u64 length = text_length(flbs[i].name, sizeof(flbs[i].name), "FLB name");

		for (j = 0; j < i; j++)
			if (strcmp(flbs[j].name, flbs[i].name) == 0)
				refuse("two FLBs %s", flbs[i].name);
		if (flbs[i].count > total_files)
			refuse("FLB %s: %llu files depend on it, there are %llu", flbs[i].name,
			       (unsigned long long)flbs[i].count, (unsigned long long)total_files);
		line("flb");
		put_text("name", flbs[i].name, length);
		put_u64("data", flbs[i].data);
		put_u64("count", flbs[i].count);
		end_line();
	}
	free(page);
}
