/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of two members (0, 1), each with three sites and one copy of the log. `make check-model`
 * searches all states; MODEL.md tells what that proves. By hand: see protocol.pml.
 *
 * Bounds: RESTARTS, FAILURES (failed writes), RECORDS (commits that move the range), CHANGES (members
 * added or lost), FORKS (runs of `dmremap repair --without MEMBER`, by which the operator gives one up),
 * DEATHS (members of which no write succeeds any more in this life), CHECKPOINTS.
 *
 * MODELLED
 *   - A set that begins with both members, or with one and another one formatted for it.
 *   - At each load each member is present or missing; of each present one no site or any one cannot be
 *     read or written, and of all no copy or any one. By turns.
 *   - A crash before, between and after all writes: of the sites of a member any subset, in any order.
 *   - A failed write leaves the old content, or has written the new one.
 *   - Load, epoch, commit, fence (without the copy, or without its member), adding a member, losing or
 *     giving one up, also in several runs of the repair; the superblock of a checkpoint;
 *     losing the member on which an epoch or that superblock has no quorum.
 * The violations: a read of the range would be served from a place other than where the newest
 * acknowledged content is (`truth`); a member's extents become lost although the operator gave up
 * nothing; two histories, without the operator; a set is refused although no member is missing that it
 * has asked to join, and a copy in use is there that was not hurt. When the operator gives up a member,
 * the truth is from then on what the others say, and what was on that member is lost. A repair that did not
 * end may refuse the set, one that ended may not.
 *
 * ABSTRACTED, and why that loses nothing
 *   - The two copies of a member are one, which can be read or cannot: what happens between the copies
 *     of a spare is in protocol.pml. A copy is the number of its last record, since a record comes to a
 *     copy after all before it; or INCOMPLETE, while it is made.
 *   - A site is its newest superblock: a torn slot leaves the other one, the newest until then.
 *   - One range, on main or on a member; ranges are independent given the order of the log. A record
 *     moves it: both places hold the same until it is acknowledged, then the old one is stale.
 *   - A member is copied in one step, without commits meanwhile: what is committed then is copied too.
 *     A load that lets a member rejoin is a load and an add.
 *   - A member that is lost is not written to, whether it is there or not.
 *   - forget() merges states: sites of a member are sorted, the lowest is as the middle one (of any
 *     two sites that are read it is never the newest, nor has it seen more), and epochs count from the
 *     lowest that is left.
 *   - A checkpoint is its superblock: what it frees is in protocol.pml.
 * NOT MODELLED: late writes, areas, slots (protocol.pml has them); commits while a member is copied; an
 * older image of a member; more than two members; a load whose first epoch fails (it refuses);
 * and what nobody can see: a member that was given up appears alone, with an epoch of its own that needs
 * nobody else.
 * OPEN: with four restarts a load may be refused while a record is in doubt (MODEL.md). IN_DOUBT_REFUSED
 * lets it.
 *
 * FOUND HERE, and part of the protocol below
 *   - A quorum is more than half of the sites of each member in use, at a load as in an epoch. More than
 *     half of all of them together can leave a member that remembers an epoch of its own
 *     (WRONG_QUORUM_OF_ALL).
 *   - When a member is added, the sites of the others are written only once a quorum of its own has the
 *     superblock (WRONG_NEW_WITHOUT_QUORUM), also by a load that finds an add unfinished
 *     (WRONG_LOAD_ANY_ORDER).
 *   - The announcement to a member that joins is its own superblock with the number, not that of the set:
 *     one site that nobody reads would hold an epoch above all that the member begins by itself, should
 *     the operator give up the others (WRONG_ANNOUNCE_THE_SET).
 *   - The first epoch of a load has in use all members that the winner has. A member is lost only from
 *     an epoch that a quorum of its own sites has: else one site of it that nobody read may hold an epoch
 *     in which it is alone (WRONG_LOSE_AT_LOAD).
 *   - A member given up is recorded as such, and not when it was last opened. The newest superblock of a
 *     member that says so of another wins over that one's, whatever their epochs (WRONG_HIGHEST_WINS),
 *     unless that one knows of it: it had the former in use since. Two that give up each other: refused.
 *   - A repair takes two epochs, one that asks to give up the member and one that does. A request of which
 *     one site alone knows does not count: a load that did not read that site may have served the member
 *     since (WRONG_GIVE_UP_BY_ONE). Where a site was not read that may have it too: refused, the operator
 *     decides (WRONG_CHOOSE_UNCLEAR). With one epoch a repair that ended could not be told from one that
 *     did not (WRONG_SERVE_UNDECIDED). If each gives up the other, what was decided wins over a request.
 *   - Requests are told apart by their epochs. A repair that finds one, unclear, asks for nothing new: its
 *     announcement puts that one on a quorum, its epoch decides it. (A new one each time: in four restarts
 *     two sites had one request and the third a later one, and the older one was taken for nothing.)
 *   - When an epoch or a checkpoint has no quorum on a member, that one can be lost by another epoch, if
 *     the attempt had the one that stays in use, too (WRONG_LOSE_THE_OTHER), with a copy that holds all
 *     (WRONG_LOSE_INCOMPLETE), and if that one does not only join (WRONG_LOSE_FOR_THE_NEW). Recorded is the
 *     last epoch that was valid. An add that failed needs such an epoch, too (WRONG_FORGET_FAILED_ADD).
 *   - A site that has something newer than the superblock in force, of an attempt that failed, announces
 *     the number with that: else it still is the newest, and the number is not seen
 *     (WRONG_ANNOUNCE_THE_OLD).
 *   - What a member that rejoins has is lost, if it is, before the epoch that has it in use
 *     (WRONG_LOST_AFTER_EPOCH).
 *   - A member whose own newest epoch is later than the recorded one rejoins as current if that epoch
 *     has a member in use that the set still has: as that one does not know of it, it never had its
 *     quorum. It is an add that a crash ended, or an epoch that failed on it. Without that its extents are
 *     lost for nothing (WRONG_REJOIN_EXACT).
 *
 * WRONG READINGS, each switched on by -DNAME, each with a counter-example
 *   WRONG_QUORUM_OF_PRESENT   a quorum is counted among the sites that are present
 *   WRONG_QUORUM_OF_ALL       a quorum is counted among the sites of all members together
 *   WRONG_OLD_SITES_FIRST     the sites of a new member are written after those of the others
 *   WRONG_NEW_WITHOUT_QUORUM  the others are written though the new one has no quorum
 *   WRONG_LOAD_ANY_ORDER      a load that finds an add unfinished begins with either member
 *   WRONG_ADD_BEFORE_COPY     a member is copied after the epoch that has it in use
 *   WRONG_ANNOUNCE_THE_SET    an announcement to a member that joins is the superblock of the set
 *   WRONG_LOSE_IN_SILENCE     a member or a copy is left out without an epoch
 *   WRONG_LOSE_AT_LOAD        the first epoch of a load leaves out a member
 *   WRONG_LOSE_THE_OTHER      an attempt to lose a member fails on the other, which is lost instead
 *   WRONG_LOSE_INCOMPLETE     a member stays whose copy the attempt had left out
 *   WRONG_LOSE_FOR_THE_NEW    a member that joins stays, the one that it joins is lost
 *   WRONG_FORGET_FAILED_ADD   an add that failed changes nothing: the old epoch goes on
 *   WRONG_ANNOUNCE_THE_OLD    an announcement is the superblock in force on every site
 *   WRONG_HIGHEST_WINS        the highest epoch wins, also that of a member given up
 *   WRONG_GIVE_UP_BY_ONE      a request to give up a member counts on one site
 *   WRONG_CHOOSE_UNCLEAR      where it is unclear, the member is not given up
 *   WRONG_SERVE_UNDECIDED     a repair ends with the epoch that asks
 *   WRONG_REJOIN_ANY          a member rejoins as current whatever epoch is recorded
 *   WRONG_REJOIN_EXACT        ... only if the recorded epoch is its own newest
 *   WRONG_LOST_AFTER_EPOCH    extents become lost after the epoch
 */

#ifndef RESTARTS
#define RESTARTS 2
#endif
#ifndef FAILURES
#define FAILURES 0
#endif
#ifndef RECORDS
#define RECORDS 1
#endif
#ifndef CHANGES
#define CHANGES 2
#endif
#ifndef FORKS
#define FORKS 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS 0
#endif

/* ---- what is on the members ------------------------------------------------------------------- */

#define BIT(i) (1 << (i))
#define ALL 3
#define OTHER(m) (1 - (m))
#define NOBODY 2
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define TWO_OR_MORE(m) (((m) & ((m) - 1)) != 0)

/*
 * A superblock is one number, the newest is the largest: epoch, generation, announced, members in use,
 * copies in use, for each member out of use the last epoch that was opened with it (0: none; GIVEN_UP: the
 * operator gave it up; GIVING_UP: he does, and it may not have been decided; on disk: states of a member
 * that was last opened in epoch 0), and the last record before the epoch.
 */
#define SUPERBLOCK(e, g, a, u, c, o, p, l) \
	(((e) << 20) | ((g) << 19) | ((a) << 15) | ((u) << 13) | ((c) << 11) | ((p) << 7) | ((o) << 3) | (l))
#define EPOCH(s) ((s) >> 20)
#define GENERATION(s) (((s) >> 19) & 1)
#define VERSION(s) ((s) >> 19) /* epoch and generation */
#define ANNOUNCED(s) (((s) >> 15) & 15)
#define MEMBERS(s) (((s) >> 13) & 3)
#define COPIES(s) (((s) >> 11) & 3)
#define RECORDED(s, m) (((s) >> (3 + 4 * (m))) & 15)
#define CHAIN(s) ((s) & 7)
#define SAID(s) ((s) & ~(15 << 15)) /* all but what is announced */
#define WITH_ANNOUNCED(s, a) (SAID(s) | ((a) << 15))
#define WITH_EPOCH(s, e) ((s) | ((e) << 20) | ((e) << 15))
#define IN_USE(s, m) ((MEMBERS(s) & BIT(m)) != 0)
#define OPENED(s, m) (IN_USE(s, m) -> EPOCH(s) : RECORDED(s, m))
#define GIVING_UP 14
#define GIVEN_UP 15
#define ASKS(s, m) (RECORDED(s, m) == GIVING_UP)
#define HAS(s, m) (RECORDED(s, m) == GIVEN_UP)
#define GIVES_UP(s, m) (RECORDED(s, m) >= GIVING_UP)
#define DECIDED(r) ((r) == GIVING_UP -> GIVEN_UP : (r))

#define SITE(m, s) (3 * (m) + (s))
int site[6];              /* the newest superblock of each; 0: formatted for the set, no more */
byte copy[2];             /* the last record in each copy of the log */
#define INCOMPLETE 7

/* Records. Where the range is after each; 0: before the first. */
#define MAIN 0
#define ON(m) (1 + (m))
#define LOST 3
#define ROOM (RECORDS + FORKS + 1)
byte records;
byte record_epoch[ROOM + 1], record_previous[ROOM + 1], record_place[ROOM + 1];

/* ---- the adversary -------------------------------------------------------------------------- */

byte restarts = RESTARTS;
byte failures = FAILURES;
byte changes = CHANGES;
byte forks = FORKS;
byte deaths = DEATHS;
byte checkpoints = CHECKPOINTS;

/* ---- ghosts: what nobody inside can see ------------------------------------------------------ */

byte truth = BIT(MAIN);   /* where the content may come from; LOST: from nowhere */
byte out_at[2];           /* the last valid epoch that had the member out of use */
byte hurt;                /* copies: a write to it failed, or a load went on without it */
byte given_up;            /* by the operator, and it has served without it since */
byte giving_up;           /* by the operator, not yet served */

/* A load can see that a quorum of member m asked to give up the other one. After forget(). */
#define TWINS(m, s) (ASKS(site[SITE(m, s)], OTHER(m)) && \
	EPOCH(site[SITE(m, s)]) == EPOCH(site[SITE(m, s) + 1]))
#define HAS_GIVEN_UP(m) (HAS(site[SITE(m, 0)], OTHER(m)) || TWINS(m, 0) || TWINS(m, 1))

/* Whether a read of the range gives content, not an error. */
#define SHOWN(place) \
	((place) == MAIN || ((place) != LOST && (MEMBERS(superblock) & present & BIT((place) - 1))))

/* ---- scratch -------------------------------------------------------------------------------- */

hidden byte i;
hidden byte j;
hidden byte k;
hidden byte least;
hidden int swap;
hidden int newest[2];
hidden byte count[2];
hidden byte longest;
hidden byte hole;

/* What an epoch is for. */
#define FENCED 1
#define LEFT 2
#define ADDED 3
#define LOADED 4
#define POINT 5 /* none: a checkpoint */

/* ---- writes --------------------------------------------------------------------------------- */

/*
 * A member that joins learns the number of the epoch first, and nothing else. So does a site that has
 * something newer than what is in force: of an attempt that failed, or a request that did not count.
 */
#ifdef WRONG_ANNOUNCE_THE_SET
#define JOINS false
#else
#define JOINS (after == ADDED && turn == joining)
#endif
#ifdef WRONG_ANNOUNCE_THE_OLD
#define NEWER(n) false
#else
#define NEWER(n) (VERSION(site[n]) > VERSION(wanted))
#endif
#define CONTENT(n) (announcing && (JOINS || NEWER(n)) -> WITH_ANNOUNCED(site[n], highest) : wanted)

#define SITE_FAILED(n) failures--; left_out = left_out | BIT(n)
#define DIES(m) deaths--; left_out = left_out | (7 << (3 * (m))); bad_copy = bad_copy | BIT(m)

inline write_site(n)
{
	if
	:: left_out & BIT(n)
	:: !(left_out & BIT(n)) ->
		if
		:: site[n] = MAX(site[n], CONTENT(n)); reached++
		:: crashing
		:: !crashing && failures > 0 -> SITE_FAILED(n); printf("site %d FAILS\n", n)
		:: !crashing && failures > 0 -> SITE_FAILED(n); site[n] = MAX(site[n], CONTENT(n));
		   printf("site %d FAILS and has it\n", n)
		:: !crashing && deaths > 0 && after != LOADED -> DIES(turn); printf("member %d DIES\n", turn)
		:: !crashing && deaths > 0 && after != LOADED -> DIES(turn); site[n] = MAX(site[n], CONTENT(n));
		   printf("member %d DIES, site %d has it\n", turn, n)
		fi
	fi
}

#define SITES(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))
#ifdef WRONG_QUORUM_OF_PRESENT
#define QUORUM(m) (2 * reached > 3 - SITES((left_out >> (3 * (m))) & 7))
#else
#define QUORUM(m) (2 * reached > 3)
#endif
#ifdef WRONG_NEW_WITHOUT_QUORUM
#define STOPS false
#else
#define STOPS true
#endif

/* `wanted` to the sites of `first`, then to those of `second`. good: a quorum of each has it. */
inline write_sites()
{
	if
	:: crash_in = NOBODY
	:: restarts > 0 -> crash_in = first
	:: restarts > 0 && second != NOBODY -> crash_in = second
	fi;
	good = 1; all = 0; failed = NOBODY; turn = first;
	do
	:: turn == NOBODY -> break
	:: turn != NOBODY ->
		crashing = crash_in == turn;
		reached = 0; place = SITE(turn, 0);
		do
		:: place < SITE(turn, 3) -> write_site(place); place++
		:: place == SITE(turn, 3) -> break
		od;
		printf("%d sites of member %d: epoch %d announced %d members %d copies %d recorded %d %d chain %d\n",
			reached, turn, EPOCH(wanted), ANNOUNCED(wanted), MEMBERS(wanted), COPIES(wanted),
			RECORDED(wanted, 0), RECORDED(wanted, 1), CHAIN(wanted));
		if
		:: crashing -> printf("crash\n"); goto crash
		:: !crashing
		fi;
		if
		:: QUORUM(turn)
		:: !QUORUM(turn) -> good = 0; failed = turn
		fi;
		all = all + reached;
		turn = (turn == first && (good || !STOPS) -> second : NOBODY)
	od;
#ifdef WRONG_QUORUM_OF_ALL
	good = (second == NOBODY -> good : all > 3); failed = NOBODY;
#endif
	all = 0; reached = 0; crash_in = 0; crashing = 0; place = 0; turn = 0
}

/* Both members in any order, or the one that is. */
inline any_order(members)
{
	if
	:: members == ALL -> first = 0; second = 1
	:: members == ALL -> first = 1; second = 0
	:: members == 1 -> first = 0; second = NOBODY
	:: members == 2 -> first = 1; second = NOBODY
	fi
}

/* A set without a member that this life has opened the epoch with; else what was recorded stays. */
#define WITHOUT(left, m) ((left) & BIT(m) -> EPOCH(superblock) : RECORDED(superblock, m))
#define NEXT(left, copies, chained) \
	SUPERBLOCK(0, 0, 0, MEMBERS(superblock) & ~(left), copies, WITHOUT(left, 0), WITHOUT(left, 1), chained)

#define COPY_FAILED(m) failures--; held = held & ~BIT(m); hurt = hurt | BIT(m)

/* One copy's part of a commit. held: those that have it. */
inline write_copy(m)
{
	if
	:: !(COPIES(superblock) & BIT(m))
	:: (COPIES(superblock) & BIT(m)) && (bad_copy & BIT(m)) -> held = held & ~BIT(m); hurt = hurt | BIT(m)
	:: (COPIES(superblock) & BIT(m)) && !(bad_copy & BIT(m)) ->
		if
		:: copy[m] = records
		:: crashing -> printf("copy %d: not written\n", m)
		:: !crashing && failures > 0 -> COPY_FAILED(m); printf("copy %d FAILS\n", m)
		:: !crashing && failures > 0 -> COPY_FAILED(m); copy[m] = records;
		   printf("copy %d FAILS and has it\n", m)
		:: !crashing && deaths > 0 -> DIES(m); held = held & ~BIT(m); hurt = hurt | BIT(m);
		   printf("member %d DIES\n", m)
		:: !crashing && deaths > 0 -> DIES(m); held = held & ~BIT(m); hurt = hurt | BIT(m); copy[m] = records;
		   printf("member %d DIES, its copy has it\n", m)
		fi
	fi
}

/* ---- 1 LOAD ---------------------------------------------------------------------------------- */

/* Two histories. */
#define PARTED(a, b) (VERSION(a) == VERSION(b) && SAID(a) != SAID(b))

/* Member o knows what m says: it had it in use since. */
#define KNOWS(o, m) (EPOCH(newest[m]) <= OPENED(newest[o], m) && !GIVES_UP(newest[o], m))

/*
 * What member m says. That it asks to give up the other one counts only if two of its sites say so in the
 * same epoch. One alone is nothing if all three were read and another one says something; else it is
 * unclear: refused, the operator decides.
 */
inline weigh(m)
{
	swap = 0;
	for (j : 3 * (m) .. 3 * (m) + 2) {
		k = 0;
		for (i : 3 * (m) .. 3 * (m) + 2) {
			k = k + (!(unread & BIT(i)) && EPOCH(site[i]) == EPOCH(site[j]))
		};
		if
		:: (present & BIT(m)) && !(unread & BIT(j)) && !(ASKS(site[j], OTHER(m)) && k < 2) ->
			swap = MAX(swap, site[j])
		:: else
		fi
	};
	if
	:: swap != newest[m] && !HAS(newest[OTHER(m)], m) && !KNOWS(OTHER(m), m) ->
#ifdef WRONG_CHOOSE_UNCLEAR
		if
		:: present == ALL -> newest[m] = swap
		:: else -> unclear = 1
		fi
#else
		if
		:: count[m] == 3 && swap != 0 -> newest[m] = swap
		:: else -> unclear = 1
		fi
#endif
	:: else
	fi;
	swap = 0; k = 0; i = 0
}

/* Member m gives up the other one, which does not know of that, or has only asked to give up m. */
#define WINS(m) (GIVES_UP(newest[m], OTHER(m)) && !KNOWS(OTHER(m), m) && \
	(!GIVES_UP(newest[OTHER(m)], m) || (HAS(newest[m], OTHER(m)) && ASKS(newest[OTHER(m)], m))))

inline choose_superblock()
{
	left_out = unread;
	for (i : 0 .. 1) {
		newest[i] = 0; count[i] = 0;
		for (j : 3 * i .. 3 * i + 2) {
			if
			:: (present & BIT(i)) && !(unread & BIT(j)) ->
				if
				:: PARTED(newest[i], site[j]) -> parted = 1
				:: else
				fi;
				count[i]++;
				newest[i] = MAX(newest[i], site[j]);
				highest = MAX(highest, MAX(EPOCH(site[j]), ANNOUNCED(site[j])))
			:: else
			fi
		}
	};
#ifndef WRONG_GIVE_UP_BY_ONE
	weigh(0);
	weigh(1);
#endif
	superblock = MAX(newest[0], newest[1]);
#ifndef WRONG_HIGHEST_WINS
	if
	:: WINS(0) -> superblock = newest[0]
	:: WINS(1) -> superblock = newest[1]
	:: GIVES_UP(newest[0], 1) && GIVES_UP(newest[1], 0) && !WINS(0) && !WINS(1) -> parted = 1
	:: else ->
#endif
		parted = parted || PARTED(newest[0], newest[1])
#ifndef WRONG_HIGHEST_WINS
	fi
#endif
	;
	missing = MEMBERS(superblock) & ~present;
#ifdef WRONG_QUORUM_OF_PRESENT
	missing = 0;
#endif
	for (i : 0 .. 1) {
		refused = refused || ((MEMBERS(superblock) & present & BIT(i)) && count[i] < 2)
	}
}

/* The longest chain of the copies in use. */
inline read_log()
{
	readable = COPIES(superblock) & present & ~bad_copy;
	last = 0;
	for (i : 0 .. 1) {
		if
		:: readable & BIT(i) ->
			hole = copy[i] == INCOMPLETE;
			k = (hole -> 0 : copy[i]);
			longest = k;
			do
			:: k != 0 && k != CHAIN(superblock) ->
				newer = newer || record_epoch[k] > EPOCH(superblock);
				longest = (record_epoch[k] == EPOCH(superblock) -> longest : record_previous[k]);
				k = record_previous[k]
			:: else -> break
			od;
			hole = hole || k != CHAIN(superblock);
			if
			:: hole -> readable = readable & ~BIT(i)
			:: else -> last = MAX(last, longest)
			fi
		:: else
		fi
	};
	refused = refused || readable == 0;
	map = record_place[last]
}

/* A load finds an epoch with member m, of which the other one does not know. */
#define UNFINISHED_ADD(m) ((MEMBERS(superblock) & present) == ALL && !IN_USE(newest[OTHER(m)], m))

/* A member given up is asked for first. */
#define AFTER_LOAD(m) \
	((missing & BIT(m)) && !ASKS(superblock, m) -> GIVING_UP : DECIDED(RECORDED(superblock, m)))

/* Makes the copy equal; one that was out of use is rebuilt whole. */
inline repair(m)
{
	if
	:: !(held & BIT(m)) || copy[m] == last
	:: (held & BIT(m)) && copy[m] != last ->
		if
		:: copy[m] = last
		:: crashing
		:: crashing && !(COPIES(superblock) & BIT(m)) -> copy[m] = INCOMPLETE
		:: !crashing && failures > 0 -> COPY_FAILED(m); printf("repair of copy %d FAILS\n", m);
		   copy[m] = (COPIES(superblock) & BIT(m) -> copy[m] : INCOMPLETE)
		:: !crashing && failures > 0 -> COPY_FAILED(m); copy[m] = last;
		   printf("repair of copy %d FAILS and has it\n", m)
		fi
	fi
}

/* A member may be asked for only when a quorum of its sites knows that it is in use. */
inline count_joined(m)
{
	count[0] = 0;
	for (j : 3 * (m) .. 3 * (m) + 2) {
		if
		:: site[j] != 0 && IN_USE(site[j], m) && EPOCH(site[j]) > out_at[m] -> count[0]++
		:: else
		fi
	}
}

/* ---- 7 MEMBERS -------------------------------------------------------------------------------- */

#ifdef WRONG_REJOIN_EXACT
#define UNFINISHED(m) false
#else
/* An epoch with it that never had its quorum: a member that is still in use does not know of it. */
#define UNFINISHED(m) (OPENED(newest[0], m) > RECORDED(superblock, m) && \
	(MEMBERS(newest[0]) & MEMBERS(superblock)) != 0)
#endif

/* Whether what a member that is out of use holds is the newest. */
inline look_at(m)
{
	newest[0] = 0;
	for (j : 3 * (m) .. 3 * (m) + 2) {
		newest[0] = ((left_out & BIT(j)) || ASKS(site[j], OTHER(m)) -> newest[0] : MAX(newest[0], site[j]))
	};
#ifdef WRONG_REJOIN_ANY
	current = 1
#else
	current = RECORDED(superblock, m) != 0 && !GIVES_UP(superblock, m) &&
		(OPENED(newest[0], m) == RECORDED(superblock, m) || UNFINISHED(m))
#endif
}

/* ---- states that cannot be told apart become one ------------------------------------------------ */

#define SORT(a, b) \
	if \
	:: site[a] < site[b] -> swap = site[a]; site[a] = site[b]; site[b] = swap \
	:: else \
	fi
#define LOWER(e) ((e) == 0 || (e) >= GIVING_UP -> (e) : (e) - least)
#define LEAST(e) least = ((e) != 0 && (e) - 1 < least -> (e) - 1 : least)

inline forget()
{
	d_step {
		for (i : 0 .. 1) {
			j = 3 * i;
			SORT(j, j + 1); SORT(j + 1, j + 2); SORT(j, j + 1);
			/* the lowest of three never wins, but two of one epoch are not three */
			if
			:: ANNOUNCED(site[j]) >= ANNOUNCED(site[j + 1]) &&
			   ANNOUNCED(site[j + 1]) >= ANNOUNCED(site[j + 2]) && !ASKS(site[j + 1], OTHER(i)) ->
				site[j + 2] = site[j + 1]
			:: else
			fi;
			out_at[i] = (EPOCH(site[j + 2]) > out_at[i] -> 0 : out_at[i])
		};
		/* only the order and the distance of epochs matter */
		least = GIVEN_UP;
		for (i : 0 .. 5) { LEAST(EPOCH(site[i])); LEAST(ANNOUNCED(site[i])) };
		for (i : 1 .. ROOM) {
			record_epoch[i] = (record_epoch[i] <= least -> 0 : record_epoch[i])
		};
		for (i : 0 .. 5) { LEAST(RECORDED(site[i], 0)); LEAST(RECORDED(site[i], 1)) };
		for (i : 0 .. 1) { LEAST(out_at[i]) };
		for (i : 0 .. 5) {
			site[i] = SUPERBLOCK(LOWER(EPOCH(site[i])), GENERATION(site[i]), LOWER(ANNOUNCED(site[i])),
				MEMBERS(site[i]), COPIES(site[i]), LOWER(RECORDED(site[i], 0)),
				LOWER(RECORDED(site[i], 1)), CHAIN(site[i]))
		};
		for (i : 1 .. ROOM) { record_epoch[i] = LOWER(record_epoch[i]) };
		for (i : 0 .. 1) { out_at[i] = LOWER(out_at[i]) }
	}
}

#ifdef IN_DOUBT_REFUSED
#define IN_DOUBT TWO_OR_MORE(truth)
#else
#define IN_DOUBT false
#endif

/* ---- the target --------------------------------------------------------------------------------- */

active proctype target()
{
	int superblock;        /* the one this life goes by */
	int wanted;            /* the one being written */
	int next;              /* what the next epoch says */
	byte highest = 1;      /* epoch or announcement seen */
	byte last;             /* record */
	byte map;              /* where the range is */
	byte present = ALL;    /* members */
	byte left_out, unread; /* sites not written, not read in this life */
	byte bad_copy;         /* copies that cannot be read or written in this life */
	byte first, second;    /* members in the order of their sites */
	byte turn, place, after, reached, all, crash_in, readable, held, missing, joining, failed;
	bit good, crashing, refused, parted, newer, current, unclear, announcing;

	atomic {
	if
	:: superblock = SUPERBLOCK(1, 0, 1, ALL, ALL, 0, 0, 0);
	   site[3] = superblock; site[4] = superblock; site[5] = superblock
	:: superblock = SUPERBLOCK(1, 0, 1, 1, 1, 0, 0, 0); copy[1] = INCOMPLETE; out_at[1] = 1
	fi;
	site[0] = superblock; site[1] = superblock; site[2] = superblock }

serving:
	do
	:: atomic { restarts > 0 -> printf("crash\n"); goto crash }
	:: atomic { records < RECORDS ->
		if
		:: map != MAIN -> joining = MAIN
		:: map != ON(0) && IN_USE(superblock, 0) -> joining = ON(0)
		:: map != ON(1) && IN_USE(superblock, 1) -> joining = ON(1)
		fi;
		goto commit }
	:: atomic { changes > 0 && MEMBERS(superblock) == ALL ->
		changes--;
		if
		:: COPIES(superblock) & 1 -> first = 0
		:: COPIES(superblock) & 2 -> first = 1
		fi;
		second = NOBODY;
		printf("LOSE member %d\n", OTHER(first));
		goto lose }
	:: atomic { changes > 0 && MEMBERS(superblock) != ALL && present == ALL &&
		    !(bad_copy & (ALL & ~MEMBERS(superblock))) ->
		changes--;
		first = (MEMBERS(superblock) == 1 -> 1 : 0);
		d_step { look_at(first) };
		printf("ADD member %d, current %d\n", first, current);
		if
		:: map == ON(first) && !current ->
			assert(given_up == BIT(first)); /* else its content is lost for nothing */
#ifndef WRONG_LOST_AFTER_EPOCH
			changes++; first = 0; current = 0;
			joining = LOST;
			goto commit
#endif
		:: else
		fi;
		goto add }
	:: atomic { checkpoints > 0 ->
		checkpoints--;
		any_order((MEMBERS(superblock) & present));
		next = NEXT(0, COPIES(superblock), last); /* should it fail */
		wanted = superblock | (1 << 19);
		after = POINT;
		printf("CHECKPOINT\n");
		goto round }
	od;

commit:
	atomic {
	d_step {
		records++;
		record_epoch[records] = EPOCH(superblock);
		record_previous[records] = last;
		record_place[records] = joining;
		truth = truth | BIT(joining);
		joining = 0;
		held = COPIES(superblock)
	}
	printf("COMMIT record %d, epoch %d place %d\n", records, EPOCH(superblock), record_place[records]);
	if
	:: crashing = 0
	:: restarts > 0 -> crashing = 1; printf("crash while it is written\n")
	fi;
	write_copy(0);
	write_copy(1);
	if
	:: crashing -> goto crash
	:: !crashing && held == COPIES(superblock) -> goto publish
	:: !crashing && held != COPIES(superblock) && held == 0 -> goto stopped
	:: !crashing && held != COPIES(superblock) && held != 0
	fi;
	bad_copy = bad_copy | (COPIES(superblock) & ~held);
#ifdef WRONG_LOSE_IN_SILENCE
	superblock = SUPERBLOCK(EPOCH(superblock), GENERATION(superblock), ANNOUNCED(superblock),
		MEMBERS(superblock), held, RECORDED(superblock, 0), RECORDED(superblock, 1), CHAIN(superblock));
	goto publish
#endif
	}
	/* 4 FENCE: without the copy, or without the member */
	atomic {
	if
	:: printf("FENCE copy %d\n", bad_copy); any_order((MEMBERS(superblock) & present));
	   next = NEXT(0, held, records)
	:: MEMBERS(superblock) == ALL -> printf("FENCE, LOSE member %d\n", bad_copy); any_order(held);
	   next = NEXT(ALL & ~held, held, records)
	fi }
	atomic { after = FENCED; goto epoch }
publish:
	atomic {
	map = record_place[records]; last = records; held = 0; good = 0;
	truth = BIT(map);
	printf("ACKNOWLEDGE record %d\n", records);
	goto serving }

lose:
	atomic {
	next = NEXT(ALL & ~BIT(first), BIT(first), last);
#ifdef WRONG_LOSE_IN_SILENCE
	superblock = next | (superblock & ~((1 << 15) - 1)); next = 0; first = 0; second = 0;
	goto serving
#endif
	}
	atomic { after = LEFT; goto epoch }

add:
	atomic {
	joining = first;
#ifndef WRONG_ADD_BEFORE_COPY
	if
	:: copy[joining] = last
	:: failures > 0 -> failures--; copy[joining] = INCOMPLETE; bad_copy = bad_copy | BIT(joining);
	   printf("copying FAILS\n"); joining = 0; first = 0; current = 0; goto serving
	:: restarts > 0 -> copy[joining] = INCOMPLETE; printf("crash while it is copied\n"); goto crash
	fi;
#endif
#ifdef WRONG_OLD_SITES_FIRST
	second = first; first = OTHER(second);
#else
	second = OTHER(first);
#endif
	next = SUPERBLOCK(0, 0, 0, ALL, COPIES(superblock) | BIT(joining), 0, 0, last) }
	atomic { after = ADDED; goto epoch }
added:
	atomic {
#ifdef WRONG_ADD_BEFORE_COPY
	copy[joining] = last;
#endif
	given_up = 0;
#ifdef WRONG_LOST_AFTER_EPOCH
	if
	:: map == ON(joining) && !current -> current = 0; joining = LOST; goto commit
	:: else
	fi;
#endif
	joining = 0; current = 0;
	assert(!SHOWN(map) || (truth & BIT(map)));
	goto serving }

/* Another epoch without the member whose sites failed, if this one has both and the other a whole copy. */
#ifdef WRONG_LOSE_INCOMPLETE
#define KEPT COPIES(superblock)
#else
#define KEPT COPIES(next)
#endif
#ifdef WRONG_LOSE_THE_OTHER
#define CAN_LOSE (after != LOADED && failed != NOBODY && (COPIES(superblock) & BIT(OTHER(failed))) && \
	((COPIES(next) & BIT(OTHER(failed))) || MEMBERS(next) != ALL))
#else
#ifdef WRONG_LOSE_FOR_THE_NEW
#define STAYS(m) true
#else
#define STAYS(m) IN_USE(superblock, m)
#endif
#define CAN_LOSE (after != LOADED && failed != NOBODY && MEMBERS(next) == ALL && \
	STAYS(OTHER(failed)) && (KEPT & BIT(OTHER(failed))))
#endif

epoch: /* 2 EPOCH: what `next` says, on the sites of first, second */
	atomic {
	highest++;
	assert(highest < GIVING_UP);
	wanted = WITH_ANNOUNCED(superblock, highest);
	announcing = 1 }
round:
	atomic {
	write_sites();
	if
	:: !good && !CAN_LOSE -> goto stopped
#ifdef WRONG_FORGET_FAILED_ADD
	:: !good && CAN_LOSE && after == ADDED ->
		bad_copy = bad_copy | BIT(failed); joining = 0; current = 0; after = 0;
		announcing = 0; wanted = 0; next = 0; first = 0; second = 0; goto serving
#endif
	:: !good && CAN_LOSE ->
		next = NEXT(MEMBERS(superblock) & BIT(failed), BIT(OTHER(failed)), CHAIN(next));
		bad_copy = bad_copy | BIT(failed);
		wanted = 0; first = OTHER(failed); second = NOBODY; joining = 0; current = 0;
		after = (after == FENCED -> FENCED : LEFT);
		printf("LOSE member %d instead\n", failed);
		goto epoch
	:: good && !announcing && after == POINT ->
		superblock = wanted;
		wanted = 0; next = 0; first = 0; second = 0; good = 0; after = 0; goto serving
	:: good && announcing -> announcing = 0; wanted = WITH_EPOCH(next, highest); goto round
	:: good && !announcing && after != POINT
	fi;
	superblock = wanted;
	hurt = hurt & ~COPIES(superblock);
	out_at[0] = (IN_USE(superblock, 0) -> out_at[0] : EPOCH(superblock));
	out_at[1] = (IN_USE(superblock, 1) -> out_at[1] : EPOCH(superblock));
	wanted = 0; next = 0; first = 0; second = 0; good = 0;
	if
	:: after == FENCED -> after = 0; goto publish
	:: after == LEFT -> after = 0; goto serving
	:: after == ADDED -> after = 0; goto added
	:: after == LOADED -> after = 0; goto serve
	fi }

stopped: /* 5 readonly, or a load that could not be made durable: nothing changes until the next load */
	atomic {
	if
	:: restarts > 0
	:: else -> goto done
	fi }

crash:
	atomic {
	superblock = 0; wanted = 0; next = 0; highest = 0; last = 0; map = 0; present = 0; left_out = 0;
	unread = 0; bad_copy = 0; first = 0; second = 0; turn = 0; place = 0; after = 0; reached = 0; all = 0;
	crash_in = 0; readable = 0; held = 0; missing = 0; joining = 0;
	good = 0; crashing = 0; current = 0; refused = 0; parted = 0; newer = 0; unclear = 0;
	failed = 0; announcing = 0;
	assert(restarts > 0); restarts--;
	forget() }

	atomic {
	if
	:: present = ALL
	:: present = 1
	:: present = 2
	fi;
	if
	:: unread = 0
	:: (present & 1) && site[0] != site[1] -> unread = 1
	:: (present & 1) && site[1] != site[2] -> unread = 2
	:: present & 1 -> unread = 4
	fi;
	if
	:: true
	:: (present & 2) && site[3] != site[4] -> unread = unread | 8
	:: (present & 2) && site[4] != site[5] -> unread = unread | 16
	:: present & 2 -> unread = unread | 32
	fi;
	if
	:: bad_copy = 0
	:: present & 1 -> bad_copy = 1
	:: present & 2 -> bad_copy = 2
	fi;
	d_step { choose_superblock(); read_log() };
	printf("LOAD with members %d without sites %d copies %d: epoch %d announced %d members %d copies %d\n",
		present, unread, bad_copy, EPOCH(superblock), ANNOUNCED(superblock), MEMBERS(superblock),
		COPIES(superblock));
	printf("    recorded %d %d chain %d; record %d place %d; missing %d\n", RECORDED(superblock, 0),
		RECORDED(superblock, 1), CHAIN(superblock), last, map, missing);
	printf("    refused %d parted %d newer %d unclear %d\n", refused, parted, newer, unclear);
	printf("    truth %d given up %d giving up %d\n", truth, given_up, giving_up);
	if
	:: EPOCH(superblock) == 0 -> goto done /* a new member alone */
	:: EPOCH(superblock) != 0 && given_up != 0 && present == given_up -> goto done /* it cannot know */
	:: giving_up != 0 && given_up == 0 && present == giving_up && HAS_GIVEN_UP(OTHER(giving_up - 1)) ->
		goto done /* nor can it then */
	:: else
	fi;
	if
	:: unclear ->
		assert(forks < FORKS && (given_up == 0 || giving_up != 0)); /* only after a repair that did not end */
		if
		:: goto done
		:: forks > 0 && !parted && !refused && present != ALL -> forks--; missing = ALL & ~present;
		   giving_up = missing; printf("REPAIR without it, again\n")
		fi
	:: !unclear && parted -> assert(forks < FORKS); goto done
	:: !unclear && !parted && missing != 0 ->
		d_step { count_joined(missing - 1) };
		assert(forks < FORKS || count[0] >= 2);
		if
		:: goto done
		:: forks > 0 && !refused && (MEMBERS(superblock) & present) -> forks--; giving_up = missing;
		   printf("REPAIR without it\n")
		fi
	:: !unclear && !parted && missing == 0 && refused ->
		assert((COPIES(superblock) & present & ~(bad_copy | hurt)) == 0 || IN_DOUBT); goto done
	:: !unclear && !parted && missing == 0 && !refused
	fi;
	if
	:: newer -> assert(forks < FORKS); goto done
	:: else
	fi;
	if
	:: giving_up != 0 && !(giving_up & MEMBERS(superblock)) && GIVES_UP(superblock, giving_up - 1)
	:: missing != 0
	:: else -> assert((truth & BIT(map)) || (truth == BIT(LOST) && !SHOWN(map)))
	fi;
	if
	:: restarts == 0 -> goto done
	:: else
	fi;
	/* the copies that can be written are made equal; one out of use is rebuilt whole */
	held = MEMBERS(superblock) & present & ~bad_copy;
	refused = 0; parted = 0; newer = 0; unclear = 0;
	if
	:: crashing = 0
	:: restarts > 0 -> crashing = 1
	fi;
	repair(0);
	repair(1);
	if
	:: crashing -> printf("crash in the repair\n"); goto crash
	:: !crashing && held == 0 -> goto stopped
	:: !crashing && held != 0
	fi;
	readable = 0; unread = 0;
	hurt = hurt | (MEMBERS(superblock) & ~held);
	if
#ifndef WRONG_LOAD_ANY_ORDER
	:: UNFINISHED_ADD(1) -> first = 1; second = 0
	:: UNFINISHED_ADD(0) -> first = 0; second = 1
#endif
	:: else -> any_order((MEMBERS(superblock) & present))
	fi;
	next = SUPERBLOCK(0, 0, 0, MEMBERS(superblock) & ~missing, held,
		AFTER_LOAD(0), AFTER_LOAD(1), last);
#ifdef WRONG_LOSE_AT_LOAD
	if
	:: missing == 0 && held != MEMBERS(superblock) -> next = NEXT(ALL & ~held, held, last); any_order(held)
	:: else
	fi
#endif
	}
	atomic { after = LOADED; goto epoch }
serve:
#ifndef WRONG_SERVE_UNDECIDED
	atomic {
	if
	:: ASKS(superblock, 0) || ASKS(superblock, 1) ->
		any_order((MEMBERS(superblock)));
		next = SUPERBLOCK(0, 0, 0, MEMBERS(superblock), COPIES(superblock), DECIDED(RECORDED(superblock, 0)),
			DECIDED(RECORDED(superblock, 1)), last);
		printf("DECIDED\n");
		after = LOADED;
		goto epoch
	:: else
	fi }
#endif
	atomic {
	missing = 0; held = 0;
	printf("SERVE place %d\n", map);
	if
	:: giving_up != 0 && GIVES_UP(superblock, giving_up - 1) ->
		given_up = giving_up; giving_up = 0;
		truth = (map == ON(given_up - 1) -> BIT(LOST) : BIT(map))
	:: else ->
		giving_up = 0;
		given_up = (given_up & MEMBERS(superblock) -> 0 : given_up);
		truth = (truth & BIT(map) -> BIT(map) : truth)
	fi;
	goto serving }

done: /* all ends are one state */
	atomic {
	superblock = 0; highest = 0; last = 0; map = 0; present = 0; left_out = 0; unread = 0; bad_copy = 0;
	first = 0; second = 0; after = 0; readable = 0; held = 0; missing = 0; joining = 0; wanted = 0;
	good = 0; crashing = 0; refused = 0; parted = 0; newer = 0; current = 0; restarts = 0; records = 0;
	unclear = 0; failed = 0; announcing = 0;
	truth = 0; hurt = 0; given_up = 0; giving_up = 0; failures = 0; changes = 0; forks = 0; deaths = 0;
	checkpoints = 0 }
}
