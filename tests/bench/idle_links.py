async def run(stage, *, is_quick):
    return []
