async def workflow(customer):
    "use workflow"
    hook = create_hook(f"onboarding:{customer}", schema="Confirmation")
    try:
        answer = await hook
    except HookConflictError as error:
        print(f"{customer} is being onboarded by {error.run_id}")
        return None
    finally:
        hook.dispose()
    created = await steps.create_account(customer, confirmed=answer.confirmed)
    return created if answer["confirmed"] else None
