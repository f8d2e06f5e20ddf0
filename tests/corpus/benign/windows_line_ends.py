async def workflow(x):
    "use workflow"
    text = """two
    lines"""
    return await steps.count(text, x)
