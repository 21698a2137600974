"""decide: does this batch call for a training?"""
