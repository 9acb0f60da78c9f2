// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/fuse_calls.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "frontend/fuse_file.h"

namespace remap::frontend {
namespace {

constexpr fuse_ino_t kFile = FUSE_ROOT_ID + 1;
constexpr double kForEver = 86400; // seconds: nothing of it changes

FuseFile &file_of(fuse_req_t asked) { return *static_cast<FuseFile *>(fuse_req_userdata(asked)); }

bool attributes(fuse_req_t asked, fuse_ino_t inode, struct stat *found)
{
	*found = {};
	found->st_ino = inode;
	found->st_uid = geteuid();
	found->st_gid = getegid();
	if (inode == FUSE_ROOT_ID) {
		found->st_mode = S_IFDIR | 0500;
		found->st_nlink = 2;
		return true;
	}
	if (inode != kFile)
		return false;
	found->st_mode = S_IFREG | 0600;
	found->st_nlink = 1;
	found->st_size = static_cast<off_t>(file_of(asked).bytes());
	found->st_blocks = found->st_size / kSectorBytes;
	found->st_blksize = 4096;
	return true;
}

void init(void *, fuse_conn_info *connection)
{
	connection->max_write = connection->max_read = FuseFile::kMaxBytes;
	connection->max_background = 64;
	connection->congestion_threshold = 48;
}

void look_up(fuse_req_t asked, fuse_ino_t parent, const char *name)
{
	fuse_entry_param entry = {};
	entry.attr_timeout = entry.entry_timeout = kForEver;
	if (parent == FUSE_ROOT_ID && file_of(asked).name() == name) {
		entry.ino = kFile;
		attributes(asked, kFile, &entry.attr);
	}
	fuse_reply_entry(asked, &entry); // without an inode: there is no such name
}

void get_attributes(fuse_req_t asked, fuse_ino_t inode, fuse_file_info *)
{
	struct stat found;
	if (attributes(asked, inode, &found))
		fuse_reply_attr(asked, &found, kForEver);
	else
		fuse_reply_err(asked, ENOENT);
}

// Times do not matter; the size cannot be another one.
void set_attributes(fuse_req_t asked, fuse_ino_t inode, struct stat *wanted, int which,
		    fuse_file_info *file)
{
	constexpr int kTimes = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
			       FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
	const bool same = !(which & FUSE_SET_ATTR_SIZE) ||
			  static_cast<u64>(wanted->st_size) == file_of(asked).bytes();
	if (inode == kFile && same && !(which & ~(kTimes | FUSE_SET_ATTR_SIZE)))
		get_attributes(asked, inode, file);
	else
		fuse_reply_err(asked, EPERM);
}

void open_file(fuse_req_t asked, fuse_ino_t inode, fuse_file_info *file)
{
	if (inode != kFile) {
		fuse_reply_err(asked, EISDIR);
		return;
	}
	file->direct_io = 1;
	file_of(asked).count_users(1);
	if (fuse_reply_open(asked, file) != 0)
		file_of(asked).count_users(-1);
}

// There is one file, for good.
void create(fuse_req_t asked, fuse_ino_t, const char *, mode_t, fuse_file_info *)
{
	fuse_reply_err(asked, EPERM);
}

void release(fuse_req_t asked, fuse_ino_t, fuse_file_info *)
{
	file_of(asked).count_users(-1);
	fuse_reply_err(asked, 0);
}

void read_directory(fuse_req_t asked, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info *)
{
	const std::string &name = file_of(asked).name();
	char text[512];
	struct stat found;
	if (inode != FUSE_ROOT_ID) {
		fuse_reply_err(asked, ENOTDIR);
		return;
	}
	attributes(asked, kFile, &found);
	const size_t needed =
		fuse_add_direntry(asked, text, sizeof(text), name.c_str(), &found, 1);
	if (offset == 0 && needed <= size && needed <= sizeof(text))
		fuse_reply_buf(asked, text, needed);
	else
		fuse_reply_buf(asked, nullptr, 0);
}

// Whoever closes a file asks for nothing to be stable.
void flush(fuse_req_t asked, fuse_ino_t, fuse_file_info *) { fuse_reply_err(asked, 0); }

void file_system(fuse_req_t asked, fuse_ino_t)
{
	struct statvfs found = {};
	found.f_bsize = found.f_frsize = kSectorBytes;
	found.f_blocks = file_of(asked).bytes() / kSectorBytes;
	found.f_files = 1;
	found.f_namemax = 255;
	fuse_reply_statfs(asked, &found);
}

fuse_lowlevel_ops make_calls()
{
	fuse_lowlevel_ops calls = {};
	calls.init = init;
	calls.lookup = look_up;
	calls.getattr = get_attributes;
	calls.setattr = set_attributes;
	calls.open = open_file;
	calls.create = create;
	calls.release = release;
	calls.readdir = read_directory;
	calls.flush = flush;
	calls.statfs = file_system;
	return calls;
}

}  // namespace

const fuse_lowlevel_ops &fuse_calls()
{
	static const fuse_lowlevel_ops calls = make_calls();
	return calls;
}

}  // namespace remap::frontend
