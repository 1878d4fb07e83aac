local skynet = require "skynet"
skynet.start(function()
	print("Server start")
	skynet.newservice("simpledb")
	-- send a message to simpledb
	skynet.send("SIMPLEDB", "lua", "TEST")
	-- an endless loop takes the CPU
	local i = 0
	while true do
		i = i>100000000 and 0 or i+1
		if i==0 then
			print("I'm working")
		end
	end
	skynet.exit()
end)
