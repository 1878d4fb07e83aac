-- SPDX-License-Identifier: MIT
--
-- Measures how late a light service runs: it sleeps 2 ms and looks how much more it was. Prints one
-- line of bench_latency.sh's table. Samples during which the machine kept our threads from running
-- for longer than DISTURBED_NS are counted, and left out of the second group of figures.

local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"
local disturbance = dofile(SERVICE_PATH .. "disturbance.lua")

local SLEEP_CS = 0.2
local NS_PER_CS = 1e7
local DISTURBED_NS = 20e3

local function measure(seconds)
	local all, clean = {}, {}
	local last_ns = skynet.hpc() + seconds * 1e9
	while skynet.hpc() < last_ns do
		local before = disturbance.now()
		local begin_ns = skynet.hpc()
		skynet.sleep(SLEEP_CS)
		local late_us = (skynet.hpc() - begin_ns - SLEEP_CS * NS_PER_CS) / 1000
		all[#all + 1] = late_us
		if disturbance.between(before, disturbance.now()) < DISTURBED_NS then
			clean[#clean + 1] = late_us
		end
	end
	return all, clean
end

local function figures(samples)
	table.sort(samples)
	local function at(share)
		return samples[math.max(1, math.ceil(share * #samples))] or 0
	end
	return string.format("%6.0f %7.0f %7.0f", at(0.5), at(0.99), at(1))
end

local function hog_figures(name)
	for _, info in ipairs(sched.list()) do
		if info.name == name then
			return string.format("%7d %6d", info.preemptions, info.handoffs)
		end
	end
	return string.format("%7s %6s", "-", "-")
end

skynet.start(function()
	local hog = skynet.getenv "hog"
	if hog ~= "none" then
		skynet.fork(skynet.newservice, hog) -- never answered: its start function never ends
	end
	skynet.sleep(50)
	local all, clean = measure(tonumber(skynet.getenv "seconds"))
	print(string.format("= %-11s %6d %s  %6d %s %s", hog, #all, figures(all), #all - #clean,
		figures(clean), hog_figures(hog)))
	skynet.abort()
end)
