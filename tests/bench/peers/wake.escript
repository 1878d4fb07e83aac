#!/usr/bin/env escript
%% SPDX-License-Identifier: MIT
%%
%% For bench_wake.py: what services/wake_main.lua does, in Erlang. wake.escript KIND SECONDS HOGS. The timers
%% of Erlang count whole milliseconds.
-mode(compile).

loop(I) -> loop(I + 1).

tables(Keep, 100) -> tables([], length(Keep) - 100);
tables(Keep, I) -> tables([{I, {name, I}} | Keep], I + 1).

hog("count") -> fun() -> loop(0) end;
hog("tables") -> fun() -> tables([], 0) end.

measure(Last, Late) ->
    Begin = erlang:monotonic_time(nanosecond),
    if
        Begin > Last -> Late;
        true ->
            Sleep = rand:uniform(5),
            receive after Sleep -> ok end,
            measure(Last, [erlang:monotonic_time(nanosecond) - Begin - Sleep * 1000000 | Late])
    end.

main([Kind, Seconds, Hogs]) ->
    case Kind of
        "none" -> ok;
        _ -> [spawn(hog(Kind)) || _ <- lists:seq(1, list_to_integer(Hogs))]
    end,
    receive after 200 -> ok end,
    Last = erlang:monotonic_time(nanosecond) + round(list_to_float(Seconds) * 1.0e9),
    Late = measure(Last, []),
    io:format("LATE~s~n", [[io_lib:format(" ~.1f", [Ns / 1000]) || Ns <- Late]]),
    halt(0, [{flush, true}]).
