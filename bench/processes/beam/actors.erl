%% The same programs as in ../guests, for BEAM: erl -noshell -run actors main CASE NUMBER...
%% Arguments and output are those of the guests.
-module(actors).
-export([main/1]).

main([Case | Numbers]) ->
    run(list_to_atom(Case), [list_to_integer(N) || N <- Numbers]),
    halt().

run(spawn, [N, Repetitions, 1]) ->
    measure(fun() -> spawn_and_wait(N, self()) end, N, Repetitions);
run(spawn, [N, Repetitions, Spawners]) ->
    measure(fun() -> spawn_from_all(N, Spawners) end, N * Spawners, Repetitions);
run(ping, [N, Repetitions]) ->
    Self = self(),
    Echo = spawn_link(fun() -> forward(Self) end),
    measure(fun() -> go_around(N, Echo) end, N, Repetitions);
run(ring, [N, Repetitions, Size]) ->
    Next = lists:foldl(fun(_, Next) -> spawn_link(fun() -> forward(Next) end) end, self(),
                       lists:seq(2, Size)),
    Rounds = N div Size,
    measure(fun() -> go_around(Rounds, Next) end, Rounds * Size, Repetitions);
run(flood, [N, Repetitions]) ->
    Self = self(),
    Sink = spawn_link(fun() -> sink(Self, N) end),
    measure(fun() -> flood(N, Sink), receive N -> ok end end, N, Repetitions);
run(crash, [N, Repetitions]) ->
    process_flag(trap_exit, true),
    measure(fun() -> crash(N) end, N, Repetitions);
run(hogs, [N, Ms, Hogs]) ->
    [spawn(fun() -> hog(I) end) || I <- lists:seq(1, Hogs)],
    timer:sleep(200),
    print_line([integer_to_list(lateness(Ms)) || _ <- lists:seq(1, N)]);
run(links, [N, Repetitions, Shape]) ->
    Times = [kill_linked(N, Shape) || _ <- lists:seq(0, Repetitions)],
    print_line([integer_to_list(T) || T <- tl(Times)]);
run(parked, [N]) ->
    Self = self(),
    pause_at("start"),
    Start = now_ns(),
    Members = [spawn(fun() -> park(Self, I) end) || I <- lists:seq(1, N)],
    [receive parked -> ok end || _ <- Members],
    Took = now_ns() - Start,
    pause_at("parked"),
    ask_all(Members, 1),
    print_line([per_operation(Took, N)]);
run(timers, [N, Ms, 0]) ->
    Self = self(),
    Sink = spawn(fun() -> expire(N), Self ! done end),
    Instant = erlang:monotonic_time(millisecond) + Ms,
    [erlang:send_after(Instant, Sink, I, [{abs, true}]) || I <- lists:seq(1, N)],
    print_line(sleep_until_message([])).

%% ---- The cases ----------------------------------------------------------------------------------

spawn_and_wait(0, _) -> ok;
spawn_and_wait(N, Self) ->
    spawn(fun() -> Self ! 1 end),
    receive 1 -> spawn_and_wait(N - 1, Self) end.

spawn_from_all(N, Spawners) ->
    Self = self(),
    [spawn_link(fun() -> spawn_and_wait(N, self()), Self ! done end)
     || _ <- lists:seq(1, Spawners)],
    [receive done -> ok end || _ <- lists:seq(1, Spawners)].

forward(To) ->
    receive Message -> To ! Message, forward(To) end.

go_around(0, _) -> ok;
go_around(N, Next) ->
    Next ! N,
    receive N -> go_around(N - 1, Next) end.

%% Four words of 60 bits: small integers, copied with their tuple.
flood(0, _) -> ok;
flood(N, Sink) ->
    Sink ! {N, N, N, N},
    flood(N - 1, Sink).

sink(Parent, N) ->
    sink_all(N),
    Parent ! N,
    sink(Parent, N).

sink_all(0) -> ok;
sink_all(N) ->
    receive {_, _, _, _} -> sink_all(N - 1) end.

%% exit() and not error(): the latter would also format a report for the log.
crash(0) -> ok;
crash(N) ->
    Child = spawn_link(fun() -> exit(trap) end),
    receive {'EXIT', Child, trap} -> crash(N - 1) end.

hog(N) -> hog(N + 1).

lateness(Ms) ->
    Start = now_ns(),
    receive after Ms -> ok end,
    max(0, now_ns() - Start - Ms * 1000000).

kill_linked(N, Shape) ->
    Self = self(),
    First = spawn(fun() -> linked(Self, []) end),
    Members = link_members(Shape, N, First, Self),
    [receive linked -> ok end || _ <- Members],
    Start = now_ns(),
    exit(First, kill),
    [wait_until_gone(M) || M <- Members],
    now_ns() - Start.

link_members(1, N, First, Self) ->  % a star
    [First | [spawn(fun() -> linked(Self, [First]) end) || _ <- lists:seq(2, N)]];
link_members(3, N, First, Self) ->  % a tree
    Place = fun(I, Members) ->
        Above = array:get((I - 1) div 2, Members),
        array:set(I, spawn(fun() -> linked(Self, [Above]) end), Members)
    end,
    array:to_list(lists:foldl(Place, array:set(0, First, array:new()), lists:seq(1, N - 1)));
link_members(Shape, N, First, Self) ->  % a chain (0) or a ring (2)
    Add = fun(I, [Before | _] = Members) ->
        Others = [First || Shape =:= 2, I =:= N],
        [spawn(fun() -> linked(Self, [Before | Others]) end) | Members]
    end,
    lists:reverse(lists:foldl(Add, [First], lists:seq(2, N))).

linked(Parent, Others) ->
    [link(O) || O <- Others],
    Parent ! linked,
    receive stop -> ok end.

wait_until_gone(Process) ->
    case is_process_alive(Process) of
        true -> wait_until_gone(Process);
        false -> ok
    end.

park(Parent, Number) ->
    Parent ! parked,
    answer(Number).

answer(Number) ->
    receive {ask, By} -> By ! Number, answer(Number) end.

ask_all([], _) -> ok;
ask_all([Member | Members], Number) ->
    Member ! {ask, self()},
    receive Number -> ask_all(Members, Number + 1) end.

expire(0) -> ok;
expire(N) ->
    receive _ -> expire(N - 1) end.

sleep_until_message(Late) ->
    Start = now_ns(),
    receive
        done -> lists:reverse(Late)
    after 1 ->
        Took = max(0, now_ns() - Start - 1000000),
        sleep_until_message([integer_to_list(Took) | Late])
    end.

%% ---- Measuring ----------------------------------------------------------------------------------

now_ns() -> erlang:monotonic_time(nanosecond).

measure(Body, Operations, Repetitions) ->
    Body(),
    print_line([time(Body, Operations) || _ <- lists:seq(1, Repetitions)]).

time(Body, Operations) ->
    Start = now_ns(),
    Body(),
    per_operation(now_ns() - Start, Operations).

per_operation(Ns, Operations) -> float_to_list(Ns / Operations, [{decimals, 3}]).

print_line(Values) -> io:put_chars(["{\"ns\":[", lists:join(",", Values), "]}\n"]).

pause_at(Where) ->
    io:put_chars(["{\"at\":\"", Where, "\"}\n"]),
    io:get_line("").
