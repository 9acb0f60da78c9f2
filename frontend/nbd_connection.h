// SPDX-License-Identifier: GPL-2.0-or-later
// An NBD connection: reads commands, submits them in slices, answers in the order in which they end.
// What ended in one turn of the reactor is answered at once.
//
// All memory is taken when the connection is made: commands and slices come from pools, and a
// connection that has none left does not read on until one is free. A command that was begun always
// gets its slices, since only the last one can be without, and the pool holds the largest command.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <vector>

#include "frontend/nbd_extents.h"
#include "frontend/nbd_handshake.h"
#include "frontend/nbd_protocol.h"
#include "host/volume.h"

namespace remap::frontend::nbd {

class Server;
class Connection;
struct Command;

// A part of a command, with memory of its own.
struct Slice final : host::IoRequest {
	static constexpr u32 kBytes = 262144;

	void ended() override;

	Command *command = nullptr;
	Slice *next = nullptr; // of the command, or free
	u8 *memory = nullptr;
	u32 bytes = 0;
};

struct Command final : host::IoRequest {
	// Of a command without data.
	void ended() override;

	Connection *connection = nullptr;
	Command *next = nullptr; // free, or to be answered
	RequestHeader header = {}; // in the machine's byte order
	Slice *slices = nullptr;
	Slice *last_slice = nullptr;
	u32 open = 0;
	u32 error = 0;
	// The answer to block status.
	u32 chunk_bytes = 0;
	char chunks[kStatusBytes];
	char head[kMaxReplyHead];
};

class Connection {
public:
	// Takes the socket over. Throws std::bad_alloc.
	Connection(Server &server, int socket);
	~Connection();
	Connection(const Connection &) = delete;
	Connection &operator=(const Connection &) = delete;

	// Reads no further commands; ends when those at work are answered.
	void finish();
	void each_turn() { send(); }
	bool over() const { return ended_ && !sending_ && !commands_; }

private:
	friend struct Slice;
	friend struct Command;

	struct Receive final : host::Source {
		explicit Receive(Connection &owner);
		void readable() override { connection.readable(); }
		Connection &connection;
	};
	// The rest of answers that the socket has no room for at once.
	struct Send final : host::Completion {
		explicit Send(Connection &owner) : connection(owner) {}
		void done(int result) override { connection.sent(result); }
		Connection &connection;
	};
	enum class Phase { handshake, header, payload, discard };

	void end();
	void go_on();
	bool parse();
	bool handshake();
	bool read_header();
	bool begin(const RequestHeader &header);
	bool read_payload();
	bool take_slices();
	Slice *take_slice(Command &command);
	void submit(Slice &slice);
	void submit_plain(Command &command);
	u32 judge(const RequestHeader &header) const;
	void receive() { receive_.wanted = true; }
	void readable();
	bool take_in();
	void slice_ended(Slice &slice);
	void command_ended(Command &command);
	void answer(Command &command);
	void send();
	bool fill();
	void send_when_there_is_room();
	void sent(int result);
	void free_command(Command &command);
	usize buffered() const { return end_ - begin_; }

	Server &server_;
	host::Volume &volume_;
	int socket_;
	Handshake handshake_;
	Phase phase_ = Phase::handshake;
	bool counted_ = false; // as a user of the volume
	bool ended_ = false;
	bool sending_ = false;
	Receive receive_;
	Send send_;

	std::unique_ptr<char[]> buffer_;
	usize begin_ = 0, end_ = 0;
	Command *current_ = nullptr;   // whose payload or slices are being seen to
	Slice *filling_ = nullptr;
	u32 filled_ = 0;	       // bytes of filling_
	u64 left_ = 0;		       // bytes of the command that have no slice, or to discard
	u32 discard_error_ = 0;

	std::unique_ptr<Command[]> all_commands_;
	std::unique_ptr<Slice[]> all_slices_;
	u8 *memory_ = nullptr;
	Command *free_commands_ = nullptr;
	Slice *free_slices_ = nullptr;
	u32 commands_ = 0; // at work

	std::string in_;	   // of the handshake, as are
	std::string text_;	   // what is to be sent, and
	std::string text_at_work_; // what is being sent
	Command *to_answer_ = nullptr;
	Command *last_to_answer_ = nullptr;
	Command *answering_ = nullptr; // those whose answers are being sent
	std::vector<iovec> vectors_;
	usize vector_ = 0; // the first that is not sent
	msghdr message_ = {};
};

}  // namespace remap::frontend::nbd
