#pragma once

namespace ocw::net {
struct route_handler; // exchange.hpp
}

// What answers each operation, defined in job_routes.cpp, output_routes.cpp,
// artifact_routes.cpp and node_routes.cpp.
namespace ocw::net::routes {

extern const route_handler submit_job;
extern const route_handler list_jobs;
extern const route_handler get_job;
extern const route_handler cancel_job;
extern const route_handler forget_job;
extern const route_handler send_stdin;
extern const route_handler explain_job;

extern const route_handler get_output;
extern const route_handler get_logs;
extern const route_handler get_events;
extern const route_handler open_stream;

extern const route_handler list_artifacts;
extern const route_handler get_artifact_archive;
extern const route_handler get_artifact;

extern const route_handler list_sessions;
extern const route_handler list_workers;
extern const route_handler get_metrics;
extern const route_handler get_prometheus_metrics;
extern const route_handler get_health;
extern const route_handler get_ready;
extern const route_handler get_openapi;
extern const route_handler issue_ticket;

} // namespace ocw::net::routes
