// SPDX-License-Identifier: GPL-2.0-or-later
// The sections and keys are the predecessor's; what is ours stands behind them.
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/health/score.h"
#include "tools/dmremap-status/formats.h"
#include "tools/dmremap-status/units.h"

namespace dmremap {
namespace {

using Json = nlohmann::ordered_json;

Json of(const Number &number) { return number ? Json(*number) : Json(nullptr); }

Json of(const std::string &text) { return text.empty() ? Json(nullptr) : Json(text); }

Json rounded(double value) { return std::round(value * 100) / 100; }

template <class Unit> Json in(const Number &number, Unit &&unit)
{
	return number ? rounded(unit(*number)) : Json(nullptr);
}

Json performance(const Timing &timing)
{
	return {{"io_ops_completed", of(timing.ios)},
		{"total_time_ns", of(timing.total_ns)},
		{"avg_latency_ns", of(timing.average_ns)},
		{"avg_latency_us", in(timing.average_ns, microseconds)},
		{"throughput_bps", of(timing.bytes_per_second)},
		{"throughput_mbps", in(timing.bytes_per_second, megabytes)}};
}

Json health(const Report &report)
{
	return {{"score", report.score},
		{"status", remap::health_word(report.score)},
		{"hotspots", of(report.hotspots)},
		{"health_scans", of(report.health_scans)},
		{"lost_sectors", of(report.lost)},
		{"pending_sectors", of(report.pending)}};
}

Json remapping(const Report &report)
{
	return {{"active_remaps", report.extents},
		{"total_ios", of(report.total_ios)},
		{"normal_ios", of(report.normal_ios)},
		{"remapped_ios", of(report.remapped_ios)},
		{"remapped_sectors", report.remapped_sectors},
		{"spare_used_sectors", of(report.spare_used)}};
}

Json metadata(const Metadata &metadata)
{
	return {{"set", of(metadata.set)},
		{"epoch", of(metadata.epoch)},
		{"generation", of(metadata.generation)},
		{"copies", of(metadata.copies)},
		{"used", of(metadata.used)},
		{"total", of(metadata.total)}};
}

}  // namespace

std::string as_json(const Report &report)
{
	Json json = {{"json_format_version", 1}, {"timestamp", timestamp()}};
	json["device"] = {{"version", of(report.version)},
			  {"target", report.target},
			  {"size_sectors", report.sectors},
			  {"size_gb", rounded(gigabytes(report.sectors))},
			  {"sector_size", of(report.block_bytes)},
			  {"name", of(report.name)}};
	json["devices"] = {{"main", of(report.main)},
			   {"spare", of(report.spare)},
			   {"spare_capacity_sectors", of(report.spare_sectors)},
			   {"spare_capacity_gb", in(report.spare_sectors, gigabytes)}};
	json["io_statistics"] = {{"total_reads", of(report.reads)},
				 {"total_writes", of(report.writes)},
				 {"total_remaps", of(report.remaps)},
				 {"total_errors", report.errors}};
	json["performance"] = performance(report.timing);
	json["remapping"] = remapping(report);
	json["health"] = health(report);
	json["operational"] = {{"state", report.state},
			       {"mode", report.mode},
			       {"flags", report.metadata.flags},
			       {"last_error", of(report.last_error)}};
	if (!report.predecessor())
		json["metadata"] = metadata(report.metadata);
	json["exit_status"] = 0;
	return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace dmremap
