/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metadata protocol for one spare: three sites (head, middle, tail; bits 0, 1, 2), two
 * copies (HEAD, TAIL). `make check-model` searches all states; MODEL.md tells what that proves.
 * By hand:
 *
 *     spin -a -DFAILURES=1 -DWRONG_TWO_SITES protocol.pml
 *     gcc -O2 -DSAFETY -DCOLLAPSE -DNOREDUCE -DVECTORSZ=1024 -o pan pan.c
 *     ./pan -m100000 -w26; spin -k *.trail -t -T -DFAILURES=1 -DWRONG_TWO_SITES protocol.pml
 *
 * Bounds: RESTARTS, FAILURES (failed writes), BLOCKS (commits), CHECKPOINTS, RING (journal
 * blocks of a copy). OTHER_RANGES=0: each record moves the range; 1: or is of another range.
 * ANY_ORDER: the sites are written in any order, not head, middle, tail.
 *
 * MODELLED
 *   - A crash before every write, in the middle of a write (old, new or torn), and any subset
 *     of what was not flushed; also during a load.
 *   - A failed write leaves the old content or a torn one, or lands at any time after, also
 *     after restarts and later epochs, also upon what was written there since.
 *   - At each load no site or any one, and no copy or any one, cannot be read or written:
 *     together (a copy with its site) or apart, by turns. Being written again, it counts again.
 *   - A commit, a checkpoint with two areas, fences for either, readonly.
 * The violation: a load that would serve finds a map other than where the newest acknowledged
 * content is (`truth`); or refuses although no more is damaged than section 7 permits
 * (BEYOND_DAMAGE).
 *
 * ABSTRACTED, and why that loses nothing
 *   - One range, on main or on the spare. Ranges are independent given the order of the log. A
 *     record moves it (both places hold the same until it is acknowledged: EITHER) or is of
 *     another range. The user writes to it as soon as that is permitted: earlier and more often
 *     makes more stale.
 *   - A number stands for a block's or checkpoint's CRC: equal only if it is the same one.
 *   - A slot and a block are whole, or torn (CRC). A torn block may be a clean cut, which reads
 *     as none, or ambiguous, which is modelled.
 *   - Late writes land at the start of a load: only a load reads. One that lands earlier and is
 *     overwritten is one that never lands.
 *   - A refused load ends the path: it wrote nothing, so another load may as well come in its
 *     place.
 *   - forget() merges states that differ only in a slot nobody can read again, or in which
 *     slot.
 * NOT MODELLED: what section 7 says cannot be seen (UNSEEN: a block of an earlier lap of the
 * ring lands upon the last record while the other copy is gone); a site of which one slot is
 * torn and the other overwritten by a late write (LANDS_BESIDE_TORN); rot of what was written
 * well; members that come and go; reuse of freed spare sectors. The simulator covers the last
 * three.
 *
 * FOUND HERE, and part of the protocol below
 *   - An epoch begun by a load leaves one journal place free (epoch_start = end + 1): a write
 *     of an earlier life may still land at `end`, upon an acknowledged block
 *     (WRONG_SAME_PLACE).
 *   - The superblock names the CRC of the block before epoch_start (CHAIN): all before it is
 *     read backwards from there, so a late block of a lower epoch cannot take a record's place.
 *   - A site whose write failed is not written or counted again in this life
 *     (WRONG_COUNT_FAILED_SITE).
 *   - A slot names the CRC of the other slot at the time it was written (`other`): a site whose
 *     slots do not fit was hit by a late write, perhaps upon its newest superblock, and does
 *     not count (WRONG_TRUST_SLOTS).
 *   - A block of this epoch behind a break, in any copy, refuses: one commit is in flight at a
 *     time.
 *   - Two superblocks with one epoch and generation and different content: refused (PARTED). It
 *     takes a late write that wiped an announcement.
 *
 * WRONG READINGS, each switched on by -DNAME, each with a counter-example
 *   WRONG_TWO_SITES                the highest epoch that two sites reach wins
 *   WRONG_EPOCH_AT_FIRST_RECORD    a load serves before its epoch is begun
 *   WRONG_REPAIR_AFTER_EPOCH       copies are made equal after the epoch that names them
 *   WRONG_ACKNOWLEDGE_BEFORE_FENCE a record is acknowledged before the failed copy is fenced
 *   WRONG_READONLY_WRITES          readonly writes to a range whose record is in doubt
 *   WRONG_NO_ANNOUNCEMENT          an epoch takes one round
 *   WRONG_NEWEST_SLOT              the newest slot is overwritten
 *   WRONG_ANY_COPY                 a copy counts that the superblock does not name
 *   WRONG_FREE_BEFORE_ROOT         the journal is freed before a quorum has the new root
 *   WRONG_ROOT_BEFORE_AREA         the root is written before the area
 *   WRONG_SAME_PLACE, WRONG_COUNT_FAILED_SITE, WRONG_TRUST_SLOTS: see above
 * Without a counter-example so far, kept as a second line: WRONG_OLD_EPOCH (a block from
 * epoch_start on counts whatever its epoch), WRONG_NEWER_RECORD (a newer record does not
 * refuse), WRONG_PARTED.
 */

#ifndef RESTARTS
#define RESTARTS 2
#endif
#ifndef FAILURES
#define FAILURES 2
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS 1
#endif
#ifndef OTHER_RANGES
#define OTHER_RANGES 1
#endif
#ifndef RING
#define RING 3
#endif

/* ---- what is on the spare ------------------------------------------------------------------- */

#define HEAD 1
#define TAIL 2
#define BOTH (HEAD | TAIL)
#define BIT(i) (1 << (i))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/*
 * A superblock is one number, so that a slot is written in one step and the newest is the largest:
 * epoch, then generation, then announced. `root` is a checkpoint; the journal starts after what it
 * covers. `chain` is the block before epoch_start (on disk: epoch_start and that block's CRC).
 */
#define SUPERBLOCK(e, g, a, c, r, b, l) \
	(((e) << 16) | ((g) << 14) | ((a) << 11) | ((c) << 9) | ((r) << 7) | ((b) << 3) | (l))
#define EPOCH(s) ((s) >> 16)
#define GENERATION(s) (((s) >> 14) & 3)
#define ANNOUNCED(s) (((s) >> 11) & 7)
#define COPIES(s) (((s) >> 9) & 3)
#define ROOT(s) (((s) >> 7) & 3)
#define EPOCH_START(s) (((s) >> 3) & 15)
#define CHAIN(s) ((s) & 7)
#define WITH_ANNOUNCED(s, a) \
	SUPERBLOCK(EPOCH(s), GENERATION(s), a, COPIES(s), ROOT(s), EPOCH_START(s), CHAIN(s))
#define NEWEST(i) (slot[2 * (i)] >= slot[2 * (i) + 1] -> slot[2 * (i)] : slot[2 * (i) + 1])
#ifdef WRONG_NEWEST_SLOT
#define SLOT_TO_WRITE(i) (slot[2 * (i)] >= slot[2 * (i) + 1] -> 2 * (i) : 2 * (i) + 1)
#else
#define SLOT_TO_WRITE(i) (slot[2 * (i)] >= slot[2 * (i) + 1] -> 2 * (i) + 1 : 2 * (i))
#endif

/*
 * The older slot of a site is what the newer one was written beside, or torn; if not, a late write
 * landed here, perhaps upon a newer superblock, and the site counts as lost until it is written again.
 */
#ifdef WRONG_TRUST_SLOTS
#define CONSISTENT(i) true
#else
#define CONSISTENT(i) (SLOT_BESIDE(i, 0) && SLOT_BESIDE(i, 1))
#define SLOT_BESIDE(i, n) (slot[2 * (i) + (n)] < slot[2 * (i) + 1 - (n)] || \
	slot[2 * (i) + 1 - (n)] == 0 || other[2 * (i) + (n)] == slot[2 * (i) + 1 - (n)])
#endif

/* Places: six slots, then the journals of head and tail, then the two areas of each. */
#define JOURNAL(c, sequence) (6 + (c) * RING + (sequence) % RING)
#define AREA(c, a) (6 + 2 * RING + 2 * (c) + (a))
#define PLACES (6 + 2 * RING + 4)
#define COPY_OF(place) ((place) < 6 + 2 * RING -> ((place) - 6) / RING : ((place) - 6 - 2 * RING) / 2)

int slot[6];              /* 0: torn, or never written */
int other[6];             /* what the other slot held when this one was written (on disk: its CRC) */
byte body[PLACES - 6];    /* journal blocks and areas by their number; 0: zeros; TORN */
#define TORN 7
#define ON(place) body[(place) - 6]
#define IS_BLOCK(b) ((b) != 0 && (b) != TORN)

/* What each block and each checkpoint says. Its number stands for its CRC. */
byte blocks;
byte block_epoch[BLOCKS + 1], block_sequence[BLOCKS + 1], block_previous[BLOCKS + 1];
bit block_map[BLOCKS + 1];
byte roots = 1;
byte root_last[CHECKPOINTS + 2];
bit root_area[CHECKPOINTS + 2];
#define COVERED(r) block_sequence[root_last[r]]

/* ---- the adversary -------------------------------------------------------------------------- */

byte restarts = RESTARTS;
byte failures = FAILURES;
#if FAILURES > 1
#define LATE FAILURES
#else
#define LATE 1
#endif
byte late_place[LATE];    /* failed writes that may still land: place + 1 */
int late_content[LATE], late_other[LATE];

/* ---- ghosts: what nobody inside can see ------------------------------------------------------ */

#define ON_MAIN 0
#define ON_SPARE 1
#define EITHER 2
byte truth;               /* where the newest acknowledged content of the range is */
byte hurt_copies;         /* a write to it failed, or a load went on without it */
byte hurt_sites;          /* a write to it failed */
bit late_site;            /* a late superblock landed */
byte blind_copies;        /* a block of an earlier lap landed upon a newer one */

/* ---- scratch: set and read within one d_step, so it needs no place in the state ---------------- */

hidden byte j;
hidden byte k;
hidden byte b;
hidden byte best;
hidden byte count;
hidden byte clean;
hidden int newest;
hidden int second;

/* ---- writes that fail, crash, or land late --------------------------------------------------- */

inline write_late(where, content, beside)
{
	d_step {
		failures--;
		k = 0;
		do
		:: late_place[k] != 0 -> k++
		:: else -> break
		od;
		late_place[k] = (where) + 1;
		late_content[k] = content;
		late_other[k] = beside
	}
}

#define SITE_FAILED(s) hurt_sites = hurt_sites | BIT(s); left_out = left_out | LEAVE_OUT(s)
#ifdef WRONG_COUNT_FAILED_SITE
#define LEAVE_OUT(s) 0
#else
#define LEAVE_OUT(s) BIT(s)
#endif

/*
 * One superblock to one site: to the slot that is not the newest valid one, then a flush. A site that
 * failed is left alone until the next load: its failed write may land after a later one.
 */
inline write_site(s)
{
	place = SLOT_TO_WRITE(s);
	todo = todo & ~BIT(s);
	if
	:: slot[place] = wanted; other[place] = slot[place ^ 1]; reached++;
	   printf("site %d slot %d: epoch %d.%d announced %d copies %d root %d start %d chain %d\n", s, place % 2,
		EPOCH(wanted), GENERATION(wanted), ANNOUNCED(wanted), COPIES(wanted), ROOT(wanted),
		EPOCH_START(wanted), CHAIN(wanted))
	:: failures > 0 -> write_late(place, wanted, slot[place ^ 1]); SITE_FAILED(s);
	   printf("site %d slot %d: epoch %d.%d announced %d FAILS, may land late\n", s, place % 2, EPOCH(wanted),
		GENERATION(wanted), ANNOUNCED(wanted))
	:: failures > 0 -> failures--; slot[place] = 0; other[place] = 0; SITE_FAILED(s);
	   printf("site %d slot %d: FAILS and is torn\n", s, place % 2)
	:: restarts > 0 -> printf("crash before site %d slot %d\n", s, place % 2); goto crash
	:: restarts > 0 -> slot[place] = 0; other[place] = 0;
	   printf("crash, site %d slot %d is torn\n", s, place % 2); goto crash
	fi;
	place = 0
}

#define QUORUM 2

inline write_sites(content)
{
	wanted = content;
	todo = 7 & ~left_out;
	reached = 0;
	do
	:: atomic { todo == 0 -> break }
	:: atomic { todo & 1 -> write_site(0) }
#ifdef ANY_ORDER
	:: atomic { todo & 2 -> write_site(1) }
	:: atomic { todo & 4 -> write_site(2) }
#else
	:: atomic { (todo & 3) == 2 -> write_site(1) }
	:: atomic { todo == 4 -> write_site(2) }
#endif
	od
}

#define COPY_FAILED(c) hurt_copies = hurt_copies | BIT(c); held = held & ~BIT(c)

/* One copy's part of write_copies. */
inline write_copy(c, where, content)
{
	if
	:: !(COPIES(superblock) & BIT(c))
	:: else ->
		if
		:: ON(where) = content; printf("copy %d: %d at place %d\n", c, content, where)
		:: crashing -> printf("copy %d: %d at place %d not written\n", c, content, where)
		:: crashing -> ON(where) = TORN; printf("copy %d: %d at place %d torn\n", c, content, where)
		:: !crashing && failures > 0 -> write_late(where, content, 0); COPY_FAILED(c);
		   printf("copy %d: %d at place %d FAILS, may land late\n", c, content, where)
		:: !crashing && failures > 0 -> failures--; ON(where) = TORN; COPY_FAILED(c);
		   printf("copy %d: %d at place %d FAILS and is torn\n", c, content, where)
		fi
	fi
}

/* The same content to all copies in use, then their flush. held: the copies that have it. */
inline write_copies(where_in_head, where_in_tail, content)
{
	held = COPIES(superblock);
	if
	:: crashing = false
	:: restarts > 0 -> crashing = true; printf("crash while it is written:\n")
	fi;
	write_copy(0, where_in_head, content);
	write_copy(1, where_in_tail, content);
	if
	:: crashing -> goto crash
	:: else
	fi
}

/* ---- 2 EPOCH ------------------------------------------------------------------------------------ */

/* `chained`: the last block of the epochs before. failed: no quorum. */
inline change_epoch(copies, begin, chained)
{
	atomic {
	failed = false;
	highest++;
	assert(highest < 8) }
#ifndef WRONG_NO_ANNOUNCEMENT
	write_sites(WITH_ANNOUNCED(superblock, highest));
	atomic { failed = reached < QUORUM; reached = 0; wanted = 0 }
#endif
	if
	:: atomic { failed }
	:: atomic { !failed ->
		hurt_copies = hurt_copies | (BOTH & ~(copies)) }
		write_sites(SUPERBLOCK(highest, 0, highest, copies, ROOT(superblock), begin, chained));
		atomic {
		if
		:: reached >= QUORUM -> superblock = wanted
		:: else -> failed = true
		fi;
		reached = 0; wanted = 0 }
	fi
}

/* ---- 1 LOAD ------------------------------------------------------------------------------------- */

#ifdef WRONG_NO_ANNOUNCEMENT
#define SEEN_ANNOUNCED(s) 0
#else
#define SEEN_ANNOUNCED(s) ANNOUNCED(s)
#endif

#define NUMBER(s) ((s) >> 14) /* epoch and generation */
#ifdef WRONG_PARTED
#define PARTED(a, b) false
#else
#define PARTED(a, b) (((a) & 2047) != ((b) & 2047))
#endif

/* Which superblock wins, and the highest epoch or announcement seen. */
inline choose_superblock()
{
	count = 0; newest = 0; second = 0; left_out = no_site;
	for (k : 0 .. 5) {
		if
		:: no_site & BIT(k / 2)
		:: else -> highest = MAX(highest, MAX(EPOCH(slot[k]), SEEN_ANNOUNCED(slot[k])))
		fi
	};
	for (j : 0 .. 2) {
		if
		:: !(no_site & BIT(j)) && NEWEST(j) != 0 && CONSISTENT(j) ->
			count++;
			if
			:: NEWEST(j) > newest -> second = newest; newest = NEWEST(j)
			:: else -> second = MAX(second, NEWEST(j))
			fi
		:: else
		fi
	};
	refused = count < QUORUM;
	for (j : 0 .. 2) {
		if
		:: !(no_site & BIT(j)) && NEWEST(j) != 0 && CONSISTENT(j) && NUMBER(NEWEST(j)) == NUMBER(newest) ->
			parted = parted || PARTED(NEWEST(j), newest)
		:: else
		fi
	};
#ifdef WRONG_TWO_SITES
	superblock = second
#else
	superblock = newest
#endif
}

#ifdef WRONG_ANY_COPY
#define IN_USE(s) BOTH
#else
#define IN_USE(s) COPIES(s)
#endif
#ifdef WRONG_OLD_EPOCH
#define COUNTS(b) true
#else
#define COUNTS(b) (block_epoch[b] == EPOCH(superblock))
#endif

#ifdef WRONG_NEWER_RECORD
#define NEWER_REFUSED false
#else
#define NEWER_REFUSED true
#endif

/* The longest valid chain, each block from any copy in use. */
inline read_log()
{
	readable = IN_USE(superblock) & ~no_copy;
	clean = 0; /* copies whose checkpoint is valid */
	for (j : 0 .. 1) {
		if
		:: (readable & BIT(j)) && ON(AREA(j, root_area[ROOT(superblock)])) == ROOT(superblock) -> clean = clean | BIT(j)
		:: else
		fi
	};
	refused = refused || readable == 0 || clean == 0;
	/* What the epochs before decided: back from the end of their chain to the checkpoint. */
	last = CHAIN(superblock);
	end = EPOCH_START(superblock);
	if
	:: COVERED(ROOT(superblock)) >= block_sequence[last] ->
		last = root_last[ROOT(superblock)];
		end = MAX(end, block_sequence[last] + 1)
	:: else
	fi;
	k = last;
	do
	:: block_sequence[k] > COVERED(ROOT(superblock)) ->
		b = 0;
		for (j : 0 .. 1) {
			if
			:: (readable & BIT(j)) && ON(JOURNAL(j, block_sequence[k])) == k -> b = k
			:: else
			fi
		};
		refused = refused || b == 0;
		k = block_previous[k]
	:: else -> break
	od;
	/* What this epoch recorded: forward, as far as it goes. */
	do
	:: best = 0;
	   for (j : 0 .. 1) {
		b = ON(JOURNAL(j, end));
		if
		:: (readable & BIT(j)) && IS_BLOCK(b) ->
			if
			:: block_sequence[b] == end && block_previous[b] == last && COUNTS(b) -> best = b
			:: else
			fi
		:: else
		fi
	   };
	   if
	   :: best == 0 -> break
	   :: else -> last = best; end++
	   fi
	od;
	map = block_map[last];
	/* A record newer than its epoch. An only copy that ends in what may have been a record. */
	torn_end = false;
	for (j : 0 .. 2 * RING - 1) {
		b = body[j];
		if
		:: !(readable & BIT(j / RING))
		:: (readable & BIT(j / RING)) && IS_BLOCK(b) ->
			refused = refused || (NEWER_REFUSED && block_epoch[b] > EPOCH(superblock));
			/* one commit in flight: this one says that the block before it was committed */
			refused = refused || (block_sequence[b] > end && block_epoch[b] == EPOCH(superblock))
		:: (readable & BIT(j / RING)) && b == TORN ->
			torn_end = torn_end || (readable != BOTH && j + 6 == JOURNAL(j / RING, end))
		:: else
		fi
	}
}
/* Which copies a load may no longer be asked to save: section 7, "cannot be seen". */
#define UNSEEN ((readable & ~blind_copies) == 0)
#define TWO_OR_MORE(m) (((m) & ((m) - 1)) != 0)
#define BEYOND_DAMAGE ((no_copy | hurt_copies) == BOTH || TWO_OR_MORE(no_site | hurt_sites))

#define STEPS (2 * (RING + 1)) /* of a repair: the places of each journal, and the area */

/* what = what place `place` should hold; the same as now when it is right. */
inline right_content()
{
	what = ON(place);
	if
	:: place >= 6 + 2 * RING -> what = ROOT(superblock)
	:: else ->
		if
		:: what == TORN -> what = 0
		:: IS_BLOCK(what) && block_sequence[what] >= end -> what = 0
		:: else
		fi;
		k = last;
		do
		:: k != 0 && block_sequence[k] > COVERED(ROOT(superblock)) ->
			if
			:: JOURNAL(COPY_OF(place), block_sequence[k]) == place -> what = k
			:: else
			fi;
			k = block_previous[k]
		:: else -> break
		od
	fi
}

#define REPAIR_FAILED hurt_copies = hurt_copies | BIT(COPY_OF(place)); readable = readable & ~BIT(COPY_OF(place))
#define SEES(where) blind_copies = (where < 6 + 2 * RING -> blind_copies & ~BIT(COPY_OF(where)) : blind_copies)

/* Makes the copies in `readable` equal, and flushes; those that fail leave it. */
inline repair()
{
	atomic {
	failed = false;
	if
	:: crashing = false
	:: restarts > 0 -> crashing = true
	fi }
	do
	:: atomic { step < STEPS ->
		d_step {
			k = step / (RING + 1);
			if
			:: step % (RING + 1) == RING -> place = AREA(k, root_area[ROOT(superblock)])
			:: else -> place = JOURNAL(k, step % (RING + 1) + RING)
			fi;
			right_content()
		}
		if
		:: !(readable & BIT(COPY_OF(place))) || ON(place) == what
		:: (readable & BIT(COPY_OF(place))) && ON(place) != what ->
			if
			:: ON(place) = what; SEES(place);
			   printf("repair of copy %d: %d at place %d\n", COPY_OF(place), what, place)
			:: crashing -> printf("repair of copy %d: place %d not written\n", COPY_OF(place), place)
			:: crashing -> ON(place) = TORN; printf("repair of copy %d: place %d torn\n", COPY_OF(place), place)
			:: !crashing && failures > 0 -> write_late(place, what, 0); REPAIR_FAILED;
			   printf("repair of copy %d: %d at place %d FAILS, may land late\n", COPY_OF(place), what, place)
			:: !crashing && failures > 0 -> failures--; ON(place) = TORN; REPAIR_FAILED;
			   printf("repair of copy %d: place %d FAILS and is torn\n", COPY_OF(place), place)
			fi
		fi;
		step++; place = 0; what = 0 }
	:: atomic { step == STEPS -> step = 0; break }
	od;
	atomic {
	if
	:: crashing -> printf("crash in the repair\n"); goto crash
	:: !crashing && readable == 0 -> failed = true
	:: !crashing && readable != 0
	fi }
}

/* Copies and sites that are whole again. */
inline heal()
{
	d_step {
		hurt_copies = hurt_copies & ~COPIES(superblock);
		hurt_sites = hurt_sites & left_out;
		for (k : 0 .. LATE - 1) {
			if
			:: late_place[k] == 0
			:: late_place[k] > 0 && late_place[k] <= 6 -> hurt_sites = hurt_sites | BIT((late_place[k] - 1) / 2)
			:: else -> hurt_copies = hurt_copies | BIT(COPY_OF(late_place[k] - 1))
			fi
		}
	}
}

/* ---- the adversary between two lives --------------------------------------------------------- */

#define LANDS_BESIDE_TORN(n) (late_place[n] <= 6 && slot[late_place[n] - 1] > late_content[n] && \
	slot[(late_place[n] - 1) ^ 1] == 0)

inline land(n)
{
	if
	:: true
	:: late_place[n] != 0 && !LANDS_BESIDE_TORN(n) ->
		printf("LANDS LATE: %d at place %d\n", late_content[n], late_place[n] - 1);
		d_step {
			if
			:: late_place[n] <= 6 ->
				late_site = 1;
				slot[late_place[n] - 1] = late_content[n];
				other[late_place[n] - 1] = late_other[n]
			:: else ->
				b = ON(late_place[n] - 1);
				if
				:: late_place[n] <= 6 + 2 * RING && IS_BLOCK(b) ->
					if
					:: block_sequence[b] > block_sequence[late_content[n]] ->
						blind_copies = blind_copies | BIT(COPY_OF(late_place[n] - 1))
					:: else
					fi
				:: else
				fi;
				ON(late_place[n] - 1) = late_content[n]
			fi;
			late_place[n] = 0; late_content[n] = 0; late_other[n] = 0
		}
	fi
}

/*
 * States that differ only in what can never be read again become one: a slot that is not the newest
 * of its site, and which of the two is, matter only to a late write that may land there.
 */
inline forget()
{
	d_step {
#ifndef WRONG_NEWEST_SLOT
		count = 0;
		for (k : 0 .. LATE - 1) {
			if
			:: late_place[k] > 0 && late_place[k] <= 6 -> count = count | BIT((late_place[k] - 1) / 2)
			:: else
			fi
		};
		for (j : 0 .. 2) {
			if
			:: !(count & BIT(j)) && CONSISTENT(j) ->
				slot[2 * j] = NEWEST(j); slot[2 * j + 1] = 0; other[2 * j] = 0; other[2 * j + 1] = 0
			:: else
			fi
		};
#endif
		if
		:: LATE > 1 && late_place[0] < late_place[1] ->
			k = late_place[0]; late_place[0] = late_place[1]; late_place[1] = k;
			newest = late_content[0]; late_content[0] = late_content[1]; late_content[1] = newest;
			newest = late_other[0]; late_other[0] = late_other[1]; late_other[1] = newest
		:: else
		fi
	}
}

/* ---- the target --------------------------------------------------------------------------------- */

#ifdef WRONG_FREE_BEFORE_ROOT
#define FREED_BY roots
#else
#define FREED_BY ROOT(superblock)
#endif

active proctype target()
{
	int superblock;      /* the one this life goes by */
	int wanted;          /* the one being written */
	byte highest = 1;      /* epoch or announcement seen */
	byte end = 1, last;    /* next sequence, last block */
	bit map;               /* what is published: 0 main, 1 spare */
	byte left_out;         /* sites not written in this life */
	byte todo, reached;    /* sites of a round */
	byte readable, held;   /* copies */
	byte no_site, no_copy; /* missing in this life */
	byte step, place, what;
	bit failed, refused, parted, torn_end, crashing, unopened;

	d_step {
		superblock = SUPERBLOCK(1, 0, 1, BOTH, 1, 1, 0);
		slot[0] = superblock; slot[2] = superblock; slot[4] = superblock;
		ON(AREA(0, 0)) = 1; ON(AREA(1, 0)) = 1
	}

serving:
	do
	:: atomic { restarts > 0 -> printf("crash\n"); goto crash }
	:: atomic { unopened -> goto open }
	:: atomic { !unopened && blocks < BLOCKS && (last == root_last[FREED_BY] || end - COVERED(FREED_BY) <= RING) ->
		d_step {
			blocks++;
			block_epoch[blocks] = EPOCH(superblock);
			block_sequence[blocks] = end;
			block_previous[blocks] = last;
			block_map[blocks] = map
		}
		if
		:: block_map[blocks] = 1 - map; truth = EITHER
		:: OTHER_RANGES /* a record of another range */
		fi;
		printf("COMMIT block %d, epoch %d sequence %d map %d\n", blocks, EPOCH(superblock), end, block_map[blocks]);
		write_copies(JOURNAL(0, end), JOURNAL(1, end), blocks);
		if
		:: held == COPIES(superblock) -> goto publish
		:: held != COPIES(superblock) && held == 0 -> goto readonly
		:: held != COPIES(superblock) && held != 0 ->
#ifdef WRONG_ACKNOWLEDGE_BEFORE_FENCE
			truth = block_map[blocks];
#endif
			goto fence
		fi }
	:: atomic { !unopened && roots <= CHECKPOINTS && last != root_last[ROOT(superblock)] ->
		d_step {
			roots++;
			root_last[roots] = last;
			root_area[roots] = 1 - root_area[ROOT(superblock)]
		}
		printf("CHECKPOINT %d of sequence %d\n", roots, end - 1);
#ifdef WRONG_ROOT_BEFORE_AREA
		goto root
#else
		goto area
#endif
		}
	od;

publish:
	atomic { map = block_map[blocks]; truth = map; last = blocks; end++; held = 0;
		printf("ACKNOWLEDGE block %d\n", blocks);
		goto serving }

fence: /* 4 FENCE of a commit */
	printf("FENCE\n");
	change_epoch(held, end + 1, blocks);
	atomic {
	if
	:: failed -> goto readonly
	:: else -> goto publish
	fi }

readonly: /* 5, with a record in doubt: its range is closed */
	atomic {
	printf("READONLY, block %d in doubt\n", blocks);
#ifdef WRONG_READONLY_WRITES
	truth = map;
#endif
	goto stopped }

area: /* 6 CHECKPOINT */
	atomic {
	write_copies(AREA(0, root_area[roots]), AREA(1, root_area[roots]), roots);
	if
#ifdef WRONG_ROOT_BEFORE_AREA
	:: true -> held = 0; goto serving
#else
	:: held == COPIES(superblock) -> goto root
	:: held != COPIES(superblock) && held != 0
	:: held != COPIES(superblock) && held == 0 -> goto stopped
#endif
	fi }
	change_epoch(held, end, last);
	atomic {
	if
	:: failed -> goto stopped
	:: else
	fi }
root:
	atomic {
	held = 0;
#ifdef WRONG_FREE_BEFORE_ROOT
	goto serving
#endif
	}
	write_sites(SUPERBLOCK(EPOCH(superblock), GENERATION(superblock) + 1, ANNOUNCED(superblock),
		COPIES(superblock), roots, EPOCH_START(superblock), CHAIN(superblock)));
	atomic {
	if
	:: reached >= QUORUM -> superblock = wanted; wanted = 0; reached = 0
	:: else -> goto stopped
	fi;
#ifdef WRONG_ROOT_BEFORE_AREA
	goto area
#else
	goto serving
#endif
	}

stopped: /* readonly, or a load that could not be made durable: nothing changes until the next load */
	atomic {
	if
	:: restarts > 0
	:: else -> goto done
	fi }

crash:
	atomic {
	superblock = 0; wanted = 0; highest = 0; end = 0; last = 0; map = 0; left_out = 0; todo = 0; reached = 0;
	readable = 0; held = 0; step = 0; place = 0; what = 0; failed = 0; crashing = 0; unopened = 0;
	restarts--;
	forget() }

	/* 1 LOAD: what is missing, what landed */
	atomic {
	land(0);
	if
	:: LATE > 1 -> land(1)
	:: else
	fi;
	if
	:: no_site = 0
	:: no_site = 1
	:: no_site = 2
	:: no_site = 4
	fi;
	if
	:: no_copy = 0
	:: no_copy = HEAD
	:: no_copy = TAIL
	fi;
	d_step { choose_superblock(); read_log() };
	printf("LOAD without sites %d copies %d: epoch %d.%d announced %d copies %d root %d start %d; log ends at %d, map %d, refused %d torn %d; truth %d hurt %d/%d\n",
		no_site, no_copy, EPOCH(superblock), GENERATION(superblock), ANNOUNCED(superblock), COPIES(superblock),
		ROOT(superblock), EPOCH_START(superblock), end, map, refused, torn_end, truth, hurt_sites, hurt_copies);
	if
	:: UNSEEN -> goto done
	:: !UNSEEN && parted -> assert(late_site); goto done
	:: !UNSEEN && !parted && refused -> assert(BEYOND_DAMAGE); goto done
	:: !UNSEEN && !parted && !refused && torn_end -> goto done
	:: !UNSEEN && !parted && !refused && !torn_end
	fi;
	assert(truth == EITHER || truth == map);
	if
	:: restarts == 0 -> goto done
	:: else
	fi;
	readable = BOTH & ~no_copy;
	no_site = 0; no_copy = 0 }
#ifndef WRONG_REPAIR_AFTER_EPOCH
	repair();
	atomic {
	if
	:: failed -> goto stopped
	:: else
	fi }
#endif
#ifdef WRONG_EPOCH_AT_FIRST_RECORD
	atomic {
	truth = map;
	unopened = 1;
	goto serving }
#endif
open:
#ifndef WRONG_SAME_PLACE
	end++; /* a write to this place may land late */
#endif
	change_epoch(readable, end, last);
	atomic {
	if
	:: failed -> goto stopped
	:: else
	fi }
#ifdef WRONG_REPAIR_AFTER_EPOCH
	repair();
	atomic {
	if
	:: readable != COPIES(superblock) -> goto stopped
	:: else
	fi }
#endif
	atomic {
	unopened = 0;
	readable = 0;
	truth = map;
	printf("SERVE map %d\n", map);
	heal();
	goto serving }

done:
	skip
}
