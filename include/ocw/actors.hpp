#pragma once

#include "ocw/type_ids.hpp"

#include <caf/typed_actor.hpp>

// Every actor of a node, and all that can be said to it. Read this page first:
// the protocol is the design.
//
//   doors ──ask──▶ DISPATCHER ──acquire──▶ GOVERNOR
//                    │   ▲  ◀──granted────────┘
//              open  │   │ phase_reached, session_ended
//                    ▼   │
//                 SUPERVISOR ──spawns──▶ SESSION ──▶ launcher, spool
//
//   other actors ──subscribe──▶ DISPATCHER ──spawns──▶ STREAMER ──events──▶

namespace ocw {

/// Answers "how full are you?". Every actor with a queue conforms to this.
using load_reporter_actor
  = caf::typed_actor<auto(get_load)->caf::result<node_load>>;

/// The GOVERNOR decides which jobs may run on this node, and when: by slots,
/// cores and memory, highest priority first, owners in turn.
using governor_actor = load_reporter_actor::extend_with<caf::typed_actor<
  // Queues for room. Answered by `slot_granted` or `slot_refused` to the
  // sender, who is monitored and loses its slots when it goes.
  auto(acquire_slot)->caf::result<void>,
  // Gives the slot back, or leaves the queue.
  auto(release_slot)->caf::result<void>>>;

/// Whoever holds slots hears of them here.
using slot_holder_actor
  = caf::typed_actor<auto(slot_granted)->caf::result<void>,
                     auto(slot_refused)->caf::result<void>>;

/// Whoever opened a session hears of it here.
using session_listener_actor
  = caf::typed_actor<auto(phase_reached)->caf::result<void>,
                     auto(session_ended)->caf::result<void>,
                     auto(launcher_state)->caf::result<void>>;

/// The SUPERVISOR owns the node's sessions and its launcher. A session that
/// dies without a word is reported as ended by it.
using supervisor_actor = caf::typed_actor<
  // Runs a job in a new session; reports go to the sender.
  auto(open_session)->caf::result<void>,
  // Stops one of its sessions.
  auto(stop_session)->caf::result<void>,
  // Feeds one of its sessions. `ec::already_ended` when it takes no input.
  auto(feed_session)->caf::result<void>,
  // The sessions that are alive.
  auto(list_sessions)->caf::result<session_list>>;

/// One SESSION runs one job, from INIT to DESTROY, and is gone. The shim and
/// the file work answer it on threads of their own.
using session_actor
  = caf::typed_actor<auto(stop_session)->caf::result<void>,
                     auto(feed_session)->caf::result<void>,
                     // Its directory and files are there, or could not be made.
                     auto(prepare_done)->caf::result<void>,
                     // Its process could not be started.
                     auto(start_refused)->caf::result<void>,
                     // Its process ended; nothing of its tree is left.
                     auto(process_ended)->caf::result<void>,
                     // Its artifacts and digests are in the store.
                     auto(collect_done)->caf::result<void>,
                     // Its directory is gone.
                     auto(destroy_done)->caf::result<void>>;

/// Who is sent events by a streamer.
using event_subscriber_actor
  = caf::typed_actor<auto(event_batch)->caf::result<void>>;

// The STREAMER's page is in type_ids.hpp.

/// The DISPATCHER knows every job: it accepts them, makes them durable, gets
/// them room and a session, and says what became of them. Each operation can
/// be asked by message, or by a door of the same process through `ask`.
using dispatcher_actor
  = slot_holder_actor::extend_with<session_listener_actor>::extend_with<
    caf::typed_actor<auto(submit_job)->caf::result<job_state>,
                     auto(get_job)->caf::result<job_state>,
                     auto(list_jobs)->caf::result<job_page>,
                     auto(cancel_job)->caf::result<job_state>,
                     auto(forget_job)->caf::result<job_state>,
                     auto(send_stdin)->caf::result<job_state>,
                     auto(get_node)->caf::result<node_report>,
                     auto(list_sessions)->caf::result<session_list>,
                     // Spawns a streamer for the sender, an
                     // `event_subscriber_actor`.
                     auto(subscribe)->caf::result<streamer_actor>,
                     // The same, from doors of this process.
                     auto(ask<submit_job>)->caf::result<void>,
                     auto(ask<get_job>)->caf::result<void>,
                     auto(ask<list_jobs>)->caf::result<void>,
                     auto(ask<cancel_job>)->caf::result<void>,
                     auto(ask<forget_job>)->caf::result<void>,
                     auto(ask<send_stdin>)->caf::result<void>,
                     auto(ask<list_sessions>)->caf::result<void>,
                     auto(ask<get_node>)->caf::result<void>,
                     // An answer of the store comes home.
                     auto(resume_work)->caf::result<void>,
                     auto(settings_changed)->caf::result<void>,
                     // Jobs of an earlier run: those that waited wait again,
                     // the others are over.
                     auto(recover_jobs)->caf::result<void>,
                     // Takes no new jobs from now on, and quits when the last
                     // one has ended.
                     auto(drain_node)->caf::result<void>>>;

} // namespace ocw
