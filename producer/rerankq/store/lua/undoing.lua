-- What was begun is taken back where a script fails half-way: Redis does not do so by itself.
-- Defines undoing(body, undo).

-- Runs `body`; where that fails, `undo`, before the failure goes on: a script that fails half-way is
-- not taken back.
local function undoing(body, undo)
  local sound, answer = pcall(body)
  if sound then return answer end
  undo()
  error(answer, 0)
end
