#include "net/operations.hpp"

#include "messages/json_schema.hpp"
#include "net/bodies.hpp"
#include "net/routes.hpp"
#include "ocw/messages/operations.hpp"

#include <nlohmann/json.hpp>

namespace ocw::net {

namespace {

template <class T>
constexpr body_schema schema(std::string_view name) {
  return {name, &schema_of<T>};
}

// -- query parameters --------------------------------------------------------

constexpr parameter wait_query[] = {
  {"wait", "number", "How many seconds to wait for the job's end, 0 to 3600."}};

constexpr parameter list_query[] = {
  {"status", "string", "Only jobs with this status."},
  {"label", "string", "Only jobs with this label, as key=value; may repeat."},
  {"limit", "integer", "How many to return, 1 to 1000; 50 if not given."},
  {"cursor", "string", "The next_cursor of the page before."}};

constexpr parameter log_query[] = {
  {"stream", "string", "stdout (the default) or stderr."},
  {"offset", "integer", "The first byte to send."},
  {"limit", "integer", "How many bytes to send at most."},
  {"follow", "boolean", "1 sends on as the output grows, until the job ends."}};

constexpr parameter event_query[]
  = {{"from", "integer", "The number of the first event to send."},
     {"ticket", "string", "A single-use ticket instead of the token."}};

constexpr parameter stream_query[]
  = {{"ticket", "string", "A single-use ticket instead of the token."}};

constexpr parameter stdin_query[]
  = {{"eof", "boolean", "1 closes the standard input behind these bytes."}};

// -- the table ---------------------------------------------------------------

const operation table[] = {
  {.name = "submit_job",
   .verb = "POST",
   .path = "/v1/jobs",
   .success = 201,
   .cli_verb = "submit",
   .sentence = "Submits a job; answers with its state, or with its result if "
               "it ended within `wait`. An id that is there already with an "
               "equal request answers 200 with the existing job.",
   .request = schema<job_request>("job_request"),
   .response = schema<job_state>("job_state"),
   .query = wait_query,
   .handler = &routes::submit_job},
  {.name = "list_jobs",
   .verb = "GET",
   .path = "/v1/jobs",
   .cli_verb = "ls",
   .sentence = "Lists jobs, newest first.",
   .response = schema<job_page>("job_page"),
   .query = list_query,
   .handler = &routes::list_jobs},
  {.name = "get_job",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}",
   .cli_verb = "status",
   .sentence = "Shows a job's state.",
   .response = schema<job_state>("job_state"),
   .handler = &routes::get_job},
  {.name = "forget_job",
   .verb = "DELETE",
   .path = "/v1/jobs/{job_id}",
   .sentence = "Forgets an ended job, its output and its artifacts.",
   .response = schema<forgotten_job>("forgotten_job"),
   .handler = &routes::forget_job},
  {.name = "get_output",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/output",
   .cli_verb = "output",
   .sentence = "Shows an ended job's result with its output; 409 with the "
               "state while it has not ended.",
   .response = schema<job_result>("job_result"),
   .query = wait_query,
   .handler = &routes::get_output},
  {.name = "get_logs",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/logs",
   .cli_verb = "logs",
   .sentence = "Sends the exact bytes of one output stream, or a Range of it.",
   .response_type = "application/octet-stream",
   .query = log_query,
   .handler = &routes::get_logs},
  {.name = "get_events",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/events",
   .sentence = "Follows a job's events as Server-Sent Events. `from` sends "
               "from that number on; `Last-Event-ID` from the one behind it.",
   .response_type = "text/event-stream",
   .query = event_query,
   .handler = &routes::get_events},
  {.name = "cancel_job",
   .verb = "POST",
   .path = "/v1/jobs/{job_id}/cancel",
   .cli_verb = "cancel",
   .sentence = "Stops a job. Stopping an ended job changes nothing.",
   .request = schema<cancel_body>("cancel_body"),
   .response = schema<job_state>("job_state"),
   .handler = &routes::cancel_job},
  {.name = "send_stdin",
   .verb = "POST",
   .path = "/v1/jobs/{job_id}/stdin",
   .sentence = "Sends the body's bytes to a running job's standard input.",
   .response = schema<job_state>("job_state"),
   .query = stdin_query,
   .raw_body = true,
   .handler = &routes::send_stdin},
  {.name = "list_artifacts",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/artifacts",
   .cli_verb = "artifacts",
   .sentence = "Lists the files a job left.",
   .response = schema<artifact_list>("artifact_list"),
   .handler = &routes::list_artifacts},
  {.name = "get_artifact_archive",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/artifacts.tar",
   .sentence = "Sends all files a job left as one tar archive.",
   .response_type = "application/x-tar",
   .handler = &routes::get_artifact_archive},
  {.name = "get_artifact",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/artifacts/{path}",
   .sentence = "Sends one file a job left.",
   .response_type = "application/octet-stream",
   .handler = &routes::get_artifact},
  {.name = "explain_job",
   .verb = "GET",
   .path = "/v1/jobs/{job_id}/why",
   .cli_verb = "why",
   .sentence = "Says why a job waits, or why it ended so, and what to do.",
   .response = schema<why_report>("why_report"),
   .handler = &routes::explain_job},
  {.name = "list_sessions",
   .verb = "GET",
   .path = "/v1/sessions",
   .sentence = "Lists the sessions that are alive.",
   .response = schema<session_list>("session_list"),
   .handler = &routes::list_sessions},
  {.name = "list_workers",
   .verb = "GET",
   .path = "/v1/workers",
   .cli_verb = "workers",
   .sentence = "Lists the workers and how full they are.",
   .response = schema<worker_list>("worker_list"),
   .handler = &routes::list_workers},
  {.name = "open_stream",
   .verb = "GET",
   .path = "/v1/stream",
   .success = 101,
   .sentence = "Upgrades to a WebSocket that carries the events of any number "
               "of jobs.",
   .response_type = "",
   .query = stream_query,
   .handler = &routes::open_stream},
  {.name = "issue_ticket",
   .verb = "POST",
   .path = "/v1/tickets",
   .success = 201,
   .sentence = "Issues a single-use ticket, good for 60 seconds, with which a "
               "browser opens one event stream.",
   .response = schema<ticket_grant>("ticket_grant"),
   .handler = &routes::issue_ticket},
  {.name = "get_metrics",
   .verb = "GET",
   .path = "/v1/metrics",
   .sentence = "Reports on the node: its load, its counters, its readiness.",
   .response = schema<node_report>("node_report"),
   .handler = &routes::get_metrics},
  {.name = "get_prometheus_metrics",
   .verb = "GET",
   .path = "/metrics",
   .sentence = "The same for Prometheus.",
   .response_type = "text/plain; version=0.0.4; charset=utf-8",
   .handler = &routes::get_prometheus_metrics},
  {.name = "get_health",
   .verb = "GET",
   .path = "/healthz",
   .sentence = "Says that the node is alive.",
   .response = schema<health_report>("health_report"),
   .handler = &routes::get_health},
  {.name = "get_health_alias",
   .verb = "GET",
   .path = "/health",
   .sentence = "The same as /healthz.",
   .response = schema<health_report>("health_report"),
   .handler = &routes::get_health},
  {.name = "get_ready",
   .verb = "GET",
   .path = "/ready",
   .sentence = "Says whether the node takes jobs; 503 with the failing checks "
               "when it does not.",
   .response = schema<ready_report>("ready_report"),
   .handler = &routes::get_ready},
  {.name = "get_openapi",
   .verb = "GET",
   .path = "/openapi.json",
   .sentence = "Describes this API.",
   .handler = &routes::get_openapi},
};

} // namespace

std::span<const operation> operations() {
  return table;
}

} // namespace ocw::net
