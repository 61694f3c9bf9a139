#pragma once

#include "ocw/errors.hpp"
#include "ocw/messages/admission.hpp"
#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"
#include "ocw/messages/local.hpp"
#include "ocw/messages/operations.hpp"
#include "ocw/messages/output.hpp"
#include "ocw/messages/session.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

namespace ocw {

/// A STREAMER sends one job's history to one subscriber, from any point of it,
/// never more events than were granted. A slow subscriber costs a number.
/// Declared here because its handle travels inside a reply.
using streamer_actor = caf::typed_actor<
  // Grants further events.
  auto(grant_credit)->caf::result<void>,
  // There is more to read.
  auto(history_grew)->caf::result<void>>;

} // namespace ocw

// Append only, in both blocks. Ids are positional and cross the wire as
// numbers; a line in the middle silently renames every message after it.
CAF_BEGIN_TYPE_ID_BLOCK(ocw, first_custom_type_id)

  CAF_ADD_TYPE_ID(ocw, (ocw::ec))

  // -- jobs -------------------------------------------------------------------

  CAF_ADD_TYPE_ID(ocw, (ocw::job_status))
  CAF_ADD_TYPE_ID(ocw, (ocw::phase))
  CAF_ADD_TYPE_ID(ocw, (ocw::reason_code))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_request))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_record))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_state))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_result))

  // -- operations -------------------------------------------------------------

  CAF_ADD_TYPE_ID(ocw, (ocw::submit_job))
  CAF_ADD_TYPE_ID(ocw, (ocw::get_job))
  CAF_ADD_TYPE_ID(ocw, (ocw::list_jobs))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_query))
  CAF_ADD_TYPE_ID(ocw, (ocw::job_page))
  CAF_ADD_TYPE_ID(ocw, (ocw::cancel_job))
  CAF_ADD_TYPE_ID(ocw, (ocw::forget_job))
  CAF_ADD_TYPE_ID(ocw, (ocw::send_stdin))
  CAF_ADD_TYPE_ID(ocw, (ocw::list_sessions))
  CAF_ADD_TYPE_ID(ocw, (ocw::session_list))
  CAF_ADD_TYPE_ID(ocw, (ocw::get_node))
  CAF_ADD_TYPE_ID(ocw, (ocw::node_report))

  // -- admission --------------------------------------------------------------

  CAF_ADD_TYPE_ID(ocw, (ocw::acquire_slot))
  CAF_ADD_TYPE_ID(ocw, (ocw::slot_granted))
  CAF_ADD_TYPE_ID(ocw, (ocw::slot_refused))
  CAF_ADD_TYPE_ID(ocw, (ocw::release_slot))
  CAF_ADD_TYPE_ID(ocw, (ocw::get_load))
  CAF_ADD_TYPE_ID(ocw, (ocw::node_load))

  // -- sessions ---------------------------------------------------------------

  CAF_ADD_TYPE_ID(ocw, (ocw::stop_session))
  CAF_ADD_TYPE_ID(ocw, (ocw::feed_session))
  CAF_ADD_TYPE_ID(ocw, (ocw::phase_reached))
  CAF_ADD_TYPE_ID(ocw, (ocw::launcher_state))

  // -- output -----------------------------------------------------------------

  CAF_ADD_TYPE_ID(ocw, (ocw::job_event))
  CAF_ADD_TYPE_ID(ocw, (ocw::subscribe))
  CAF_ADD_TYPE_ID(ocw, (ocw::grant_credit))
  CAF_ADD_TYPE_ID(ocw, (ocw::event_batch))
  CAF_ADD_TYPE_ID(ocw, (ocw::streamer_actor))
  CAF_ADD_TYPE_ID(ocw, (ocw::drain_node))

CAF_END_TYPE_ID_BLOCK(ocw)

// Messages that hold pointers and functions: they stay in their process.
CAF_BEGIN_TYPE_ID_BLOCK(ocw_local, caf::id_block::ocw::end)

  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::submit_job>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::get_job>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::list_jobs>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::cancel_job>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::forget_job>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::send_stdin>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::list_sessions>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::ask<ocw::get_node>))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::open_session))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::session_ended))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::prepare_done))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::start_refused))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::process_ended))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::collect_done))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::destroy_done))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::resume_work))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::settings_changed))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::recover_jobs))
  CAF_ADD_TYPE_ID(ocw_local, (ocw::history_grew))

CAF_END_TYPE_ID_BLOCK(ocw_local)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::submit_job>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::get_job>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::list_jobs>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::cancel_job>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::forget_job>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::send_stdin>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::list_sessions>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::ask<ocw::get_node>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::open_session)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::session_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::prepare_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::start_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::process_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::collect_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::destroy_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::resume_work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::settings_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::recover_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ocw::history_grew)
